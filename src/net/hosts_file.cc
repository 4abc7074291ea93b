// SPDX-License-Identifier: Apache-2.0
#include "net/hosts_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "net/socket.h"

namespace weir::net {

namespace {

constexpr std::int64_t kMostBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostAddresses = 32; // of one name

std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r\v\f";
  auto begin = std::min(line.find_first_not_of(kBlank), line.size());
  auto end = std::min(line.find_first_of(kBlank, begin), line.size());
  auto word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::string canonical(std::string_view word) {
  if (!word.empty() && word.back() == '.') {
    word.remove_suffix(1);
  }
  std::string name(word);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return name;
}

} // namespace

const HostsFile::Entry* HostsFile::find(std::string_view name) {
  if (!path_.empty() && Clock::mono() >= look_at_) {
    look_at_ = Clock::mono() + kLookEvery;
    read_if_changed();
  }
  auto at = entries_.find(name);
  return at == entries_.end() ? nullptr : &at->second;
}

void HostsFile::set_path(std::string path) {
  path_ = std::move(path);
  entries_.clear();
  version_ = {};
  look_at_ = {};
}

void HostsFile::parse(std::string_view text) {
  entries_.clear();
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    auto address = Address::parse(take_word(line));
    if (!address) {
      continue; // no address, or one with a zone
    }
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
      Entry& entry = entries_[canonical(word)];
      auto& list = address->is_v6() ? entry.v6 : entry.v4;
      if (list.size() < kMostAddresses &&
          std::find(list.begin(), list.end(), *address) == list.end()) {
        list.push_back(*address);
      }
    }
  }
}

void HostsFile::read_if_changed() {
  Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > kMostBytes) {
    return; // what was known stays
  }
  Version now{st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec, st.st_size, st.st_ino};
  if (now == version_) {
    return;
  }
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    ssize_t n = ::read(fd.get(), text.data() + got, text.size() - got);
    if (n <= 0) {
      break;
    }
    got += static_cast<std::size_t>(n);
  }
  parse(std::string_view(text).substr(0, got));
  version_ = now;
}

} // namespace weir::net
