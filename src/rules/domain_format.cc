// SPDX-License-Identifier: Apache-2.0
#include "rules/domain_format.h"

#include <cstddef>

#include "base/hash.h"

namespace weir::rules {

namespace {

// By how often characters stand in the names of public block lists. Changing a letter changes the
// format: raise kSetVersion.
constexpr std::string_view kFour = "aeionrst";         // 0xxx
constexpr std::string_view kFive = "cdlmpuh.";         // 10xxx
constexpr std::string_view kSix = "bfgkyvw-";          // 110xxx
constexpr std::string_view kSeven = "jqxz0123456789_"; // 111xxxx, 1111111 is none
static_assert(kFour.size() == 8 && kFive.size() == 8 && kSix.size() == 8 && kSeven.size() == 15);

constexpr std::array<CharCode, 256> make_codes() {
  std::array<CharCode, 256> codes{};
  auto assign = [&](std::string_view letters, unsigned head, std::uint8_t bits) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      codes[static_cast<unsigned char>(letters[i])] = {static_cast<std::uint8_t>(head + i), bits};
    }
  };
  assign(kFour, 0b0000, 4);
  assign(kFive, 0b10000, 5);
  assign(kSix, 0b110000, 6);
  assign(kSeven, 0b1110000, 7);
  return codes;
}

} // namespace

constexpr std::array<CharCode, 256> kCharCodes = make_codes();

std::uint64_t set_checksum(std::string_view file) noexcept {
  constexpr HashKey kKey{0x7765697220736574U, 0x6c69737473203031U};
  constexpr std::size_t kFrom = offsetof(SetHeader, checksum) + sizeof(SetHeader::checksum);
  return file.size() < kFrom ? 0 : siphash64(kKey, file.substr(kFrom));
}

} // namespace weir::rules
