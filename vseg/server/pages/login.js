// The token of the link becomes a cookie, and leaves the address.

/** The address's fragment: `run`, and `token` once.  @returns {URLSearchParams} */
export const fragment = () => new URLSearchParams(location.hash.slice(1));

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
