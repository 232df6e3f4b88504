/** Has the browser save a file. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // the browser has to have taken it before it may be forgotten
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
