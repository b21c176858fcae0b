// Why a known keyword is not carried out: shown to the operator, word for word, when a file uses it.
export const IPVS =
  'no firewall marks are set for IPVS: every address of a virtual server group gets a service of its own';
export const SYNC_DAEMON = 'lvs_sync_daemon in global_defs names the interface';
export const FIREWALL =
  'no firewall is set but for no_accept and strict mode, and those by a table of its own in nftables';
export const NAMESPACE = 'IPVS is steered in the namespace that the daemon itself runs in';
export const SNMP = 'there is no SNMP agent; notify scripts, FIFOs and the JSON dump tell the same';
export const DBUS = 'there is no D-Bus interface; notify scripts, FIFOs and the JSON dump tell the same';
export const VMAC_ADDRESS =
  'a virtual MAC is made for the interface of the instance only; VIPs on other interfaces have the MACs of those';
export const GARP_EXTRA =
  'garp_master_refresh repeats gratuitous ARPs on every interface that has a VIP, the virtual ones too';
export const BFD = 'BFD is not spoken; VRRP with short adverts finds a dead host as fast';
export const PROCESS = 'all of it is one process here, which systemd names and places';
export const BUFFERS = 'the sizes of its sockets are its own affair';
export const SCHEDULING =
  'vrrp_rt_priority is carried out; any other limit and priority is set by the systemd unit';
export const LATE = 'a standby whose timer ran out while it was held up always begins its wait anew';
