// SPDX-License-Identifier: Apache-2.0
#include "rules/password.h"

#include <crypt.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include <fmt/format.h>

namespace weir::rules {

namespace {

constexpr std::string_view kAlphabet =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr unsigned kLeastCost = 4;
constexpr unsigned kMostCost = 14; // about a second
constexpr unsigned kLeastRounds = 1000;
constexpr unsigned kMostRounds = 1'000'000;
constexpr unsigned long kOwnCost = 10;
/// The parameters of yescrypt that crypt_gensalt() gives, up to 64 MiB for a hash.
constexpr std::array<std::string_view, 7> kYescrypt = {"j75", "j85", "j7T", "j8T",
                                                       "j9T", "jAT", "jBT"};

bool is_plain(std::string_view text) noexcept {
  return text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

/// What stands before the next '$', taken off `rest`; nothing: there is none.
std::optional<std::string_view> take_part(std::string_view& rest) {
  std::size_t end = rest.find('$');
  if (end == std::string_view::npos) {
    return {};
  }
  std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return part;
}

std::string check_bcrypt(std::string_view hash) {
  constexpr std::size_t kSize = 60; // $2y$CC$ and 53 characters
  std::string_view digits = hash.substr(4, 2);
  unsigned cost = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cost);
  if (hash.size() != kSize || hash[6] != '$' || error != std::errc() ||
      end != digits.data() + digits.size() || !is_plain(hash.substr(7))) {
    return "this is not a whole hash of bcrypt: 60 characters";
  }
  return cost < kLeastCost || cost > kMostCost
             ? fmt::format("bcrypt with a cost of {}: {} to {} are taken", cost, kLeastCost,
                           kMostCost)
             : std::string();
}

std::string check_sha(std::string_view hash, std::string_view name, std::size_t size) {
  constexpr std::string_view kRounds = "rounds=";
  std::string_view rest = hash.substr(3);
  auto salt = take_part(rest);
  if (salt && salt->starts_with(kRounds)) {
    std::string_view digits = salt->substr(kRounds.size());
    unsigned rounds = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rounds);
    if (error != std::errc() || end != digits.data() + digits.size() || rounds < kLeastRounds ||
        rounds > kMostRounds) {
      return fmt::format("{} with {} rounds are taken", kLeastRounds, kMostRounds);
    }
    salt = take_part(rest);
  }
  bool whole = salt && !salt->empty() && salt->size() <= 16 && is_plain(*salt) &&
               rest.size() == size && is_plain(rest);
  return whole ? std::string() : fmt::format("this is not a whole hash of {}", name);
}

std::string check_yescrypt(std::string_view hash) {
  constexpr std::size_t kSize = 43;
  std::string_view rest = hash.substr(3);
  auto parameters = take_part(rest);
  auto salt = take_part(rest);
  if (!parameters || !salt || salt->empty() || salt->size() > 86 || !is_plain(*salt) ||
      rest.size() != kSize || !is_plain(rest)) {
    return "this is not a whole hash of yescrypt";
  }
  return std::find(kYescrypt.begin(), kYescrypt.end(), *parameters) == kYescrypt.end()
             ? "yescrypt with other parameters than j75 to jBT: up to 64 MB are taken"
             : std::string();
}

/// What is known and not taken, or not known.
std::string tell_unusable(std::string_view hash) {
  constexpr std::size_t kDes = 13;
  if (hash.empty()) {
    return "the hash is missing";
  }
  if (hash.starts_with("$apr1$") || hash.starts_with("$1$")) {
    return "MD5 is quick to guess";
  }
  if (hash.starts_with("{SHA}")) {
    return "SHA-1 without a salt is quick to guess";
  }
  if (hash.starts_with("{SSHA}")) {
    return "SHA-1 is quick to guess";
  }
  if (hash.starts_with("$")) {
    return "a hash of a kind that weir does not take";
  }
  if (hash.size() == kDes && is_plain(hash)) {
    return "DES is quick to guess, and looks at 8 characters";
  }
  return "this is no hash: a password in clear?";
}

} // namespace

std::string_view scheme_of(std::string_view hash) noexcept {
  if (hash.starts_with("$2y$") || hash.starts_with("$2b$") || hash.starts_with("$2a$")) {
    return "bcrypt";
  }
  return hash.starts_with("$y$")   ? "yescrypt"
         : hash.starts_with("$6$") ? "SHA-512"
         : hash.starts_with("$5$") ? "SHA-256"
                                   : "";
}

std::string check_hash(std::string_view hash) {
  std::string_view scheme = scheme_of(hash);
  if (scheme == "bcrypt") {
    return check_bcrypt(hash);
  }
  if (scheme == "yescrypt") {
    return check_yescrypt(hash);
  }
  return scheme == "SHA-512"   ? check_sha(hash, scheme, 86)
         : scheme == "SHA-256" ? check_sha(hash, scheme, 43)
                               : tell_unusable(hash);
}

bool matches_password(const std::string& hash, const std::string& password) {
  std::size_t most = scheme_of(hash) == "bcrypt" ? kMostBcrypt : kMostPassword;
  if (password.size() > most || password.find('\0') != std::string::npos) {
    return false;
  }
  auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_rn(password.c_str(), hash.c_str(), data.get(), sizeof *data);
  std::string_view text = made != nullptr ? made : "";
  unsigned char differs = text.size() == hash.size() ? 0 : 1;
  for (std::size_t i = 0; i < text.size() && i < hash.size(); ++i) { // all of it, in any case
    differs = static_cast<unsigned char>(differs | (text[i] ^ hash[i]));
  }
  ::explicit_bzero(data.get(), sizeof *data);
  return differs == 0;
}

Result<std::string> hash_password(const std::string& password) {
  if (password.empty() || password.size() > kMostBcrypt) {
    return fail(Code::malformed);
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  auto data = std::make_unique<crypt_data>();
  const char* made = nullptr;
  if (::crypt_gensalt_rn("$2y$", kOwnCost, nullptr, 0, setting.data(),
                         static_cast<int>(setting.size())) != nullptr) {
    made = ::crypt_rn(password.c_str(), setting.data(), data.get(), sizeof *data);
  }
  std::string hash = made != nullptr ? made : "";
  ::explicit_bzero(data.get(), sizeof *data);
  if (hash.empty()) {
    return fail(Code::internal);
  }
  return hash;
}

void wipe(std::string& secret) noexcept {
  ::explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

} // namespace weir::rules
