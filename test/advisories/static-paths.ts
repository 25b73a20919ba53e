/** Paths by which file servers of the field were led past a guard on /admin, or out of their folder, by advisory. */
export const staticPaths: readonly (readonly [id: string, what: string, paths: readonly string[]])[] = [
  ["CVE-2026-29087", "an encoded slash", ["/admin%2fsecret.txt", "/admin%2Fsecret.txt", "/admin/%2fsecret.txt"]],
  [
    "CVE-2026-39406, GHSA-92pp-h63x-v22m",
    "a repeated slash",
    ["//admin/secret.txt", "/admin//secret.txt", "///admin///secret.txt", "/admin/secret.txt//"],
  ],
  [
    "GHSA-frvp-7c67-39w9",
    "a backslash, encoded or not",
    [
      "/..%5c..%5csecret.txt",
      "/admin%5csecret.txt",
      "/%5cadmin/secret.txt",
      "/public/..%5c..%5csecret.txt",
      "/..\\secret.txt",
    ],
  ],
  [
    "CVE-2026-29045, GHSA-q5qw-h33p-qvwr",
    "double encoding",
    ["/%252e%252e/secret.txt", "/%2561dmin/secret.txt", "/admin%252fsecret.txt", "/%252e%252e%252fsecret.txt"],
  ],
  [
    "CVE-2026-6414, GHSA-x428-ghpx-8j92",
    "encoded letters and separators",
    ["/%61dmin/secret.txt", "/admin/%73ecret.txt", "/%61%64%6d%69%6e%2fsecret.txt"],
  ],
  [
    "CVE-2026-15074",
    "literal dots",
    [
      "/public/../admin/secret.txt",
      "/./admin/secret.txt",
      "/admin/./secret.txt",
      "/../secret.txt",
      "/../files-not/secret.txt",
      "/../files/admin/secret.txt",
    ],
  ],
  [
    "CVE-2026-7120, GHSA-8pvw-jcv7-9cmj",
    "what is normalised after the check",
    ["//admin/secret.txt", "/./admin/secret.txt"],
  ],
  [
    "0e751b40, 9947d514, 8e9993fd, cd03d416, 64acfe64 (h3)",
    "what leaves a mount",
    [
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/%2e%2e%2fsecret.txt",
      "/admin/%2e%2e%2f%2e%2e%2fsecret.txt",
      "/admin/secret.txt%00",
    ],
  ],
  [
    "GHSA-3pmx-cf9f-34xr, GHSA-vfp3-v2gw-7wfq",
    "what is decoded twice, or is no UTF-8",
    [
      "/%25%32%65%25%32%65/secret.txt",
      "/%c0%ae%c0%ae/secret.txt",
      "/admin%c0%afsecret.txt",
      "/%e0%80%ae%e0%80%ae/secret.txt",
    ],
  ],
  [
    "GHSA-m4f6-p2j8-rq76",
    "the raw path against the decoded one",
    ["/adm%69n/secret.txt", "/admin;x/secret.txt", "/admin%20/secret.txt", "/ADMIN/secret.txt", "/.env", "/%2eenv"],
  ],
]
