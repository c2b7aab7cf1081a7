"""Language tags (BCP-47): read in any spelling, reduced to what an engine knows, named."""
