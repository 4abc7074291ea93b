// SPDX-License-Identifier: Apache-2.0
//
// confine(): the filter of system calls.
#include "config.h"
#include "server/privileges.h"

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#include <sys/socket.h>
#endif

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace weir::server {

#ifdef HAVE_LIBSECCOMP

namespace {

// A list of what is refused, not of what is allowed: the libraries below us, and glibc, ask for new
// calls with each version, and a proxy that dies of an update helps nobody. What is not of this
// machine is below zero.
constexpr int kRefused[] = {
    // other programs and processes
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(setns), SCMP_SYS(unshare),
    SCMP_SYS(personality),
#ifndef __SANITIZE_ADDRESS__ // whose search for leaks stops the threads with it
    SCMP_SYS(ptrace),
#endif
    // the kernel
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(reboot), SCMP_SYS(syslog), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(swapon),
    SCMP_SYS(swapoff), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(modify_ldt), SCMP_SYS(add_key),
    SCMP_SYS(keyctl), SCMP_SYS(request_key), SCMP_SYS(vhangup),
    // the tree of files
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(mknod), SCMP_SYS(open_by_handle_at),
    // the machine's clock and name
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname)};

// What glibc asks, and weir: UNIX, IPv4, IPv6, and the kernel for the machine's addresses.
constexpr int kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

int refuse_calls(scmp_filter_ctx filter) {
  for (int call : kRefused) {
    if (int failed = call < 0 ? 0 : ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
        failed != 0) {
      return failed;
    }
  }
  return 0;
}

int refuse_family(scmp_filter_ctx filter, scmp_compare how, int family) {
  const scmp_arg_cmp argument{0, how, static_cast<scmp_datum_t>(family), 0};
  return ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &argument);
}

/// Raw packets, the kernel's cryptography, virtual machines, and all that nobody has heard of.
int refuse_families(scmp_filter_ctx filter) {
  int failed = refuse_family(filter, SCMP_CMP_GT, AF_NETLINK);
  for (int family = 0; family <= AF_NETLINK && failed == 0; ++family) {
    bool allowed = false;
    for (int each : kFamilies) {
      allowed = allowed || each == family;
    }
    failed = allowed ? 0 : refuse_family(filter, SCMP_CMP_EQ, family);
  }
  return failed;
}

} // namespace

bool confine(std::string& problem) {
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  int failed = filter == nullptr ? -ENOMEM : refuse_calls(filter);
  failed = failed == 0 ? refuse_families(filter) : failed;
  if (failed == 0) {
    ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); // all threads
    // No code of others runs here: the mitigation that a filter else switches on only costs.
    ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    failed = ::seccomp_load(filter); // sets no_new_privs too
  }
  ::seccomp_release(filter);
  if (failed != 0) {
    problem = fmt::format("system calls are not filtered: {}", std::strerror(-failed));
  }
  return failed == 0;
}

#else

bool confine(std::string& problem) {
  problem = "system calls are not filtered: this build has no libseccomp";
  return false;
}

#endif

} // namespace weir::server
