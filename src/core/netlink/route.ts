// Routes over rtnetlink (rtnetlink(7), include/uapi/linux/rtnetlink.h): what keepalived.conf calls virtual_routes and static_routes.

/** One route, as plain data. */
export interface RouteSpec {
  /** As typed, for messages. */
  readonly text: string;
}
