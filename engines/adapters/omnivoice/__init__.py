"""The engine `omnivoice`: OmniVoice of k2-fsa, in some six hundred languages."""
