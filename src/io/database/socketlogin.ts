// Logging in through the unix socket of a server on this host: the kernel tells it who we are; the client has nothing to say.
const nothing = () => () => Buffer.alloc(0);

/** MariaDB's plugin and MySQL's, for `Endpoint.authPlugins`. */
export const socketLogin = { unix_socket: nothing, auth_socket: nothing };
