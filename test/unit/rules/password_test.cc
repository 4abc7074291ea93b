// SPDX-License-Identifier: Apache-2.0
#include "rules/password.h"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;

namespace {

// As htpasswd -B, openssl passwd and mkpasswd write them.
constexpr const char* kBcrypt = "$2y$04$/TdeYD575DRVifO9NSYTDusAteV6mO3xjQgHSNO7pFY6qmegVA.nq";
constexpr const char* kSha512 =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN."
    "Pq.H91p5hVO1";
constexpr const char* kSha256 = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";
constexpr const char* kYescrypt = "$y$j75$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2";

} // namespace

TEST_CASE("FEATURES 4: the hashes of htpasswd -B, openssl passwd and mkpasswd are taken") {
  struct Case {
    const char* hash;
    const char* scheme;
    const char* password;
  };
  for (auto [hash, scheme, password] :
       {Case{kBcrypt, "bcrypt", "open:sesame"}, Case{kSha512, "SHA-512", "secret"},
        Case{kSha256, "SHA-256", "secret"}, Case{kYescrypt, "yescrypt", "secret"}}) {
    INFO(hash);
    CHECK(check_hash(hash).empty());
    CHECK(scheme_of(hash) == scheme);
    CHECK(matches_password(hash, password));
    CHECK_FALSE(matches_password(hash, std::string(password) + "x"));
    CHECK_FALSE(matches_password(hash, ""));
    CHECK_FALSE(matches_password(hash, std::string(password) + '\0'));
  }
}

TEST_CASE("FEATURES 4: what is quick to guess, cut or costs too much is refused") {
  struct Case {
    std::string hash;
    const char* why;
  };
  for (const auto& [hash, why] :
       {Case{"", "missing"},
        Case{"secret", "no hash"},
        Case{"rqXexS6ZhobKA", "DES"},
        Case{"$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", "MD5"},
        Case{"$1$a$b", "MD5"},
        Case{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA-1"},
        Case{"{SSHA}x", "SHA-1"},
        Case{"$argon2id$v=19$x", "kind"},
        Case{"$2y$", "whole"},
        Case{"$2y$04", "whole"},
        Case{std::string(kBcrypt).substr(0, 59), "whole"},
        Case{std::string(kBcrypt) + "a", "whole"},
        Case{"$2y$15" + std::string(kBcrypt).substr(6), "cost of 15"},
        Case{"$2y$xx" + std::string(kBcrypt).substr(6), "whole"},
        Case{"$6$", "whole"},
        Case{"$6$saltsalt", "whole"},
        Case{std::string(kSha512) + "$", "whole"},
        Case{"$6$rounds=99$saltsalt$x", "rounds"},
        Case{"$6$rounds=9999999$saltsalt$x", "rounds"},
        Case{"$5$" + std::string(17, 'a') + std::string(kSha256).substr(11), "whole"},
        Case{"$y$jFT$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2", "64 MB"},
        Case{"$y$j75$saltsalt$x", "whole"},
        Case{"$y$", "whole"}}) {
    INFO(hash);
    CHECK_THAT(check_hash(hash), Catch::Contains(why));
  }
  CHECK(check_hash("$6$rounds=5000$" + std::string(kSha512).substr(3)).empty());
}

TEST_CASE(
    "W8.6 credentials are compared whole: bcrypt looks at 72 octets, and so no more are taken") {
  std::string most(72, 'x');
  auto hash = hash_password(most);
  REQUIRE(hash);
  CHECK(check_hash(*hash).empty());
  CHECK(scheme_of(*hash) == "bcrypt");
  CHECK(matches_password(*hash, most));
  CHECK_FALSE(matches_password(*hash, most + "x"));
  CHECK_FALSE(hash_password(most + "x"));
  CHECK_FALSE(hash_password(""));
  CHECK_FALSE(matches_password(kSha512, std::string(100'000, 'x')));
  CHECK(*hash_password("a") != *hash_password("a")); // a salt of its own
}

TEST_CASE("a password that is wiped is gone") {
  std::string secret = "not long";
  const char* bytes = secret.data();
  wipe(secret);
  CHECK(secret.empty());
  CHECK(std::string_view(bytes, 8) == std::string_view("\0\0\0\0\0\0\0\0", 8));
}
