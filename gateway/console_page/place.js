// Where the server is: two folders above these files, below whatever path a proxy shows it.

/** The address of the server's root, with a slash at its end. */
export const base = new URL("../../", import.meta.url);
