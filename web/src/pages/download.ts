/** Makes the browser download `content` as a file. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // keep the URL long enough for the browser to read the content
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
