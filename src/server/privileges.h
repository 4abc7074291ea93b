// SPDX-License-Identifier: Apache-2.0
//
// Privileges: from root to the user that weir works as, in two steps. Before a thread is started or
// a file opened, the folders that user is to have are made, and from then on weir works as the
// user, with three capabilities: to read what root alone may read (keys, at the start), to give the
// control socket its group, and to bind ports below 1024. Once all is in force root is given up for
// good; the last capability stays, with the main thread, which binds. Then a filter refuses the
// system calls that a proxy has no use for.
//
// Main thread. Owner: Server. Started by somebody else than root, weir stays who it is, and only
// new privileges and system calls are refused.
#pragma once

#include <string>

#include "base/account.h"
#include "config/config.h"

namespace weir::server {

class Privileges {
public:
  /// The first step. False: `problem` says why, and weir must not go on. What the user may not
  /// write to is told in the error log.
  bool work_as_user(const config::Config& config, std::string& problem);
  /// The second, for all threads there are and will be. What the user cannot read, and a reload
  /// will have to, is told.
  bool give_up_root(const config::Config& config, std::string& problem);

  /// System calls are filtered.
  bool is_confined() const noexcept { return confined_; }

private:
  Account account_; // user 0: weir stays who it is
  bool confined_ = false;
};

/// Refuses, with EPERM, to start programs, to look into other processes, to load code into the
/// kernel, to mount, and their like; on all threads, and never to be taken back. (confine.cc)
/// False: this kernel or this build cannot; `problem` says why.
bool confine(std::string& problem);

} // namespace weir::server
