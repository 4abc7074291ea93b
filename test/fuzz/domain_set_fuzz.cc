// SPDX-License-Identifier: Apache-2.0
//
// Compiled lists: the bytes as a file, with a right checksum so that what is behind it is reached.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "rules/domain_format.h"
#include "rules/domain_set.h"

using namespace weir::rules;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  if (size >= sizeof(SetHeader)) {
    SetHeader header;
    std::memcpy(&header, file.data(), sizeof header);
    header.magic = kSetMagic;
    header.version = kSetVersion;
    header.endian = kSetEndian;
    std::memcpy(file.data(), &header, sizeof header);
    header.checksum = set_checksum(file);
    std::memcpy(file.data(), &header, sizeof header);
  }
  int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, file.data(), file.size()) != static_cast<ssize_t>(file.size())) {
    return 0;
  }
  if (auto set = DomainSet::map(fd)) {
    for (auto host : {"a.example", "x.a.example", "com", "www.example.com", ""}) {
      (void)(*set)->find(host);
    }
    (void)(*set)->find(file);
  }
  ::close(fd);
  return 0;
}
