// What the address says behind `#`: the run, the frame, and a token, which becomes a cookie.

/** `run`, `frame`, and `token` once.  @returns {URLSearchParams} */
export const fragment = () => new URLSearchParams(location.hash.slice(1));

/** Have a reload, or whoever gets the address, come to this frame.
 * @param {string} run  @param {number} frame */
export function keepPlace(run, frame) {
  history.replaceState(
    null,
    "",
    `${location.pathname}#${new URLSearchParams({ run, frame: String(frame) })}`,
  );
}

/** @returns {Promise<string | null>} why it was refused; null: all is well */
export async function login() {
  const parts = fragment();
  const token = parts.get("token");
  if (!token) return null;
  parts.delete("token");
  history.replaceState(null, "", `${location.pathname}#${parts}`);
  const answer = await fetch("/v1/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) return null;
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `the server answered ${answer.status}`;
}
