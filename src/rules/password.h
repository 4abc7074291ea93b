// SPDX-License-Identifier: Apache-2.0
//
// Password hashes in the text form of crypt(3), as htpasswd -B and mkpasswd write them. Those that
// are slow to guess are taken: bcrypt, yescrypt, SHA-512 and SHA-256. What an administrator can
// make a hash cost is bounded: it is computed for whoever asks. Pure but for time; any thread, but
// never a loop's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::rules {

/// Of a longer one bcrypt would look at the beginning alone.
constexpr std::size_t kMostBcrypt = 72;
constexpr std::size_t kMostPassword = 256;

/// "": weir takes this hash. Else what is wrong with it, and nothing of it.
std::string check_hash(std::string_view hash);
/// "bcrypt", "yescrypt": of one that is taken.
std::string_view scheme_of(std::string_view hash) noexcept;

/// Whether the password is the one of the hash. Takes some hundredths of a second.
bool matches_password(const std::string& hash, const std::string& password);
/// A new hash, by bcrypt: what other programs with such files take as well. At most kMostBcrypt
/// octets.
Result<std::string> hash_password(const std::string& password);

/// Overwrites a password before its memory goes.
void wipe(std::string& secret) noexcept;

} // namespace weir::rules
