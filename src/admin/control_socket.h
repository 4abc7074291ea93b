// SPDX-License-Identifier: Apache-2.0
//
// ControlSocket: the bound UNIX socket, with the lock that keeps a second weir from taking it over.
// Bound by main() before privileges are dropped; owner: main(), which outlives the AdminServer that
// listens. The lock (PATH.lock) is held as long as this; the socket's name goes with it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "net/socket.h"

namespace weir::admin {

struct ControlSocketSettings {
  std::string path;
  unsigned mode = 0660;
  gid_t group = 0;
  /// Who is to own socket and lock: the user that weir will run as.
  uid_t user = 0;
};

class ControlSocket {
public:
  /// `why` gets the text for the user on failure. Code::exists: another weir has it.
  static Result<ControlSocket> open(const ControlSocketSettings& settings, std::string& why);
  ControlSocket() = default;
  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket& operator=(ControlSocket&& other) noexcept;
  ~ControlSocket();

  const std::string& path() const noexcept { return path_; }
  /// The listening descriptor, non-blocking; given away once.
  net::Fd take() noexcept { return std::move(listening_); }

private:
  Result<void> bind(const ControlSocketSettings& settings, std::string& why);

  std::string path_; // empty: none
  net::Fd lock_;
  net::Fd listening_;
  dev_t device_ = 0; // of the socket, to see whether the name is still ours
  ino_t inode_ = 0;
};

} // namespace weir::admin
