/** Where a TLS server's certificate comes from; it may be renewed while the server runs. */
export interface Certificates {
  /** PEM: the certificate with its chain, and its private key. */
  current(): { readonly cert: Buffer; readonly key: Buffer };
  /** Calls back after each renewal; the answer ends that. */
  onChange(listener: () => void): () => void;
}
