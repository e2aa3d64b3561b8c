/** Whether it has ended by then, well or not; it goes on if not. */
export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = () => true;
  const inTime = await Promise.race([work.then(settled, settled), late]);
  clearTimeout(timer);
  return inTime;
}
