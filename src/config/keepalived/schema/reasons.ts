// Why a known keyword is not carried out: shown to the operator, word for word, when a file uses it.
export const IPVS =
  'it steers the kernel load balancer (ip_vs), which a pair of databases does not need: the proxy does its work';
export const FIREWALL = 'the agent keeps its own nftables table and touches no other';
export const NAMESPACE =
  'start the agent inside the namespace instead (ip netns exec, or NetworkNamespacePath= of systemd)';
export const SNMP = 'there is no SNMP agent; the figures are at /metrics for Prometheus';
export const DBUS = 'there is no D-Bus interface; the API has all of it';
export const VMAC_ADDRESS =
  'a virtual MAC is made for the interface of the instance only; VIPs on other interfaces have those interfaces’ own MAC';
export const BFD = 'VRRP with short adverts finds a dead host as fast';
