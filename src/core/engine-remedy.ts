/** What can be done about an Engine that does not do what it is asked, for alerts and for doctor. */

export const GRANT =
  'Give screenpass access to the Engine socket (root or its group), or allow the call in the socket proxy';

export function readableDriver(driver: string): string {
  return `Its log driver is "${driver}": use json-file, local or journald for the mail container`;
}

export function rightName(container: string): string {
  return `Set SCREENPASS_CONTAINER to its name, not "${container}"`;
}
