// SPDX-License-Identifier: Apache-2.0
//
// Who may log in (UsersDecl), and where somebody has to (AuthDecl). Values; part of Config. The
// file itself is read by rules/user_table.
#pragma once

#include <string>

#include "base/clock.h"
#include "config/options.h"
#include "config/rule_decl.h"

namespace weir::config {

struct UsersDecl {
  std::string name;
  std::string file;
  Duration cache{};           // what was computed is known for so long; 0: not at all
  std::uint32_t attempts = 0; // wrong passwords until a user is locked out; 0: any number
  Duration lock_time{};
  Options options;
  Position at, file_at;
};

/// `auth basic` of a forward, a site or a route.
struct AuthDecl {
  NameRef users;        // none: nobody has to log in
  std::string realm;    // as written, or the place's name
  bool pass = false;    // a site's origin gets the credentials
  std::string key_part; // of a site: what stands in the key of what is stored here
  Position at;
  explicit operator bool() const noexcept { return static_cast<bool>(users); }
};

} // namespace weir::config
