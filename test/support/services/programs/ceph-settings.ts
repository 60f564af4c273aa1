import { arch } from 'node:os'

export type CephPlace = {
  folder: string
  clusterId: string
  monitorPort: number
  gatewayPort: number
  withRoles: boolean
}

/**
 * A cluster of one monitor and one store in memory, only on 127.0.0.1, without its own authentication: the tests only
 * need the gateway's authentication, for S3. Days of the lifecycle are real days.
 */
export function cephSettings({ folder, clusterId, monitorPort, gatewayPort, withRoles }: CephPlace): string {
  const multiarch = arch() === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return `[global]
fsid = ${clusterId}
mon_host = [v2:127.0.0.1:${monitorPort}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv4 = true
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_cluster_mode = crc
ms_service_mode = crc
ms_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
ms_mon_client_mode = crc
keyring = /dev/null
run_dir = ${folder}
crash_dir = ${folder}/crash
admin_socket =
log_file = ${folder}/$name.log
log_to_stderr = false
err_to_stderr = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_warn_on_pool_no_redundancy = false

[mon.a]
mon_data = ${folder}/mon
mon_cluster_log_file = ${folder}/cluster.log
# A full disk of the machine stops a monitor, although the store is in memory.
mon_data_avail_warn = 2
mon_data_avail_crit = 1
auth_allow_insecure_global_id_reclaim = false
# The start makes eight pools; by default each waits a second for the monitor to settle.
paxos_propose_interval = 0.02
paxos_min_wait = 0.01

[osd.0]
osd_data = ${folder}/osd
osd_objectstore = memstore
# A ceiling, not taken in advance.
memstore_device_bytes = ${8 * 2 ** 30}
osd_class_dir = /usr/lib/${multiarch}/rados-classes
osd_class_load_list = *
osd_crush_update_on_start = true
osd_crush_initial_weight = 1

[client.rgw.test]
rgw_data = ${folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
rgw_run_sync_thread = false
# What is overwritten or removed gives its memory back within seconds.
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 10
rgw_enable_apis = s3, s3website, sts, iam, admin
rgw_dns_name =
${withRoles ? sessionsOfRoles(clusterId) : ''}`
}

/** With these settings the gateway reports an unknown key or a wrong secret as a missing permission. */
function sessionsOfRoles(clusterId: string): string {
  return `# The key is of no other use.
rgw_s3_auth_use_sts = true
rgw_sts_key = ${clusterId.replaceAll('-', '').slice(0, 16)}
`
}
