/** The release of this code. Peers of another minor release refuse each other at the handshake. */
export const RELEASE = '0.1.0';
