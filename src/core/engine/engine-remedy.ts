/** What can be done about an Engine that does not do what it is asked, for alerts and for doctor. */

export const GRANT =
  'Give screenpass access to the Engine socket (root or its group), or allow the call in the socket proxy';

/** What is told when no command may be run in the mail container. */
export function onlyObserving(refusal: string): string {
  return `${refusal}. Until it is allowed the table stays as it is, and what is refused is only told. ${GRANT}`;
}

export function readableDriver(driver: string): string {
  return `Its log driver is "${driver}": use json-file, local or journald for the mail container`;
}

export function rightName(container: string): string {
  return `Set SCREENPASS_CONTAINER to its name, not "${container}"`;
}
