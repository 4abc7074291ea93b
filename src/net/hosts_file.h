// SPDX-License-Identifier: Apache-2.0
//
// HostsFile: /etc/hosts in memory. c-ares reads the whole file for every look-up, which a worker
// cannot afford where the file is an ad list; this one reads it when it has changed, and looks for
// that at most every 5 s. Owner: a Resolver; one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"

namespace weir::net {

class HostsFile {
public:
  static constexpr Duration kLookEvery = std::chrono::seconds(5);

  struct Entry {
    std::vector<Address> v4;
    std::vector<Address> v6;
  };

  /// An empty path: no file, no entries.
  explicit HostsFile(std::string path) : path_(std::move(path)) {}

  /// `name` in lower case without trailing dot. Valid until the next find(). A name with one family
  /// only has no address of the other: the file decides, not DNS.
  const Entry* find(std::string_view name);
  /// Another file from now on.
  void set_path(std::string path);
  /// For tests and for a file that was read elsewhere.
  void parse(std::string_view text);

private:
  struct Version {
    std::int64_t mtime_ns = -1;
    std::int64_t size = -1;
    std::uint64_t inode = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  void read_if_changed();

  std::string path_;
  std::map<std::string, Entry, std::less<>> entries_;
  Version version_;
  MonoTime look_at_{};
};

} // namespace weir::net
