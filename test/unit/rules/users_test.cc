// SPDX-License-Identifier: Apache-2.0
#include "rules/users.h"

#include <string>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::rules;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime kStart{1000s};

config::UsersDecl declared() {
  config::UsersDecl users;
  users.name = "staff";
  users.attempts = 3;
  users.lock_time = 60s;
  return users;
}

} // namespace

TEST_CASE(
    "FEATURES 4: what was found right or wrong is known for its time, and as long as the hash") {
  Users users;
  Hash128 key = users.key("hash", "ann", "secret");
  CHECK_FALSE(users.recall(key, kStart));
  users.remember(key, true, kStart + 10s);
  CHECK(users.recall(key, kStart) == true);
  CHECK(users.recall(users.key("hash", "ann", "secret"), kStart + 9s) == true);
  CHECK_FALSE(users.recall(key, kStart + 10s));
  CHECK_FALSE(users.recall(users.key("other", "ann", "secret"), kStart));
  CHECK_FALSE(users.recall(users.key("hash", "bob", "secret"), kStart));
  CHECK_FALSE(users.recall(users.key("hash", "ann", "secre"), kStart));
  CHECK_FALSE(users.recall(users.key("hash", "annsecret", ""), kStart)); // whole, not joined
  Hash128 wrong = users.key("hash", "ann", "guess");
  users.remember(wrong, false, kStart + 10s);
  CHECK(users.recall(wrong, kStart) == false);
  CHECK(users.recall(key, kStart) == true);
  users.remember(key, true, kStart + 20s);
  CHECK(users.recall(key, kStart + 15s) == true);
  CHECK(Users().key("hash", "ann", "secret") != key); // a secret of each run
}

TEST_CASE("FEATURES 4: who guesses pushes out nobody who knows") {
  Users users;
  Hash128 key = users.key("hash", "ann", "secret");
  users.remember(key, true, kStart + 10s);
  for (int i = 0; i < 100'000; ++i) {
    users.remember(users.key("hash", "ann", std::to_string(i)), false, kStart + 3600s);
  }
  CHECK(users.recall(key, kStart) == true);
}

TEST_CASE("FEATURES 4: a name is locked out for a client after so many wrong passwords") {
  Users users;
  config::UsersDecl decl = declared();
  Address client = *Address::parse("192.0.2.1", 4711);
  std::uint64_t ann = users.place("staff", "ann", client);
  CHECK(ann == users.place("staff", "ann", *Address::parse("192.0.2.1", 4712)));
  CHECK_FALSE(users.note_wrong(decl, ann, kStart));
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 1s));
  CHECK(users.locked(decl, ann, kStart + 1s) == 0s);
  CHECK(users.note_wrong(decl, ann, kStart + 2s)); // told once
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 2s));
  CHECK(users.locked(decl, ann, kStart + 2s) == 60s);
  CHECK(users.locked(decl, ann, kStart + 61s) == 1s);
  CHECK(users.locked(decl, ann, kStart + 62s) == 0s);
  for (std::uint64_t other : {users.place("staff", "bob", client), users.place("it", "ann", client),
                              users.place("staff", "ann", *Address::parse("192.0.2.2", 1))}) {
    CHECK(users.locked(decl, other, kStart + 2s) == 0s);
  }
  // After its time it begins anew.
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 100s));
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 101s));
  users.note_right(ann);
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 102s));
  CHECK(users.locked(decl, ann, kStart + 102s) == 0s);
  // Attempts count within the time only.
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 103s));
  CHECK_FALSE(users.note_wrong(decl, ann, kStart + 170s));
  decl.attempts = 0;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(users.note_wrong(decl, ann, kStart + 171s));
  }
  CHECK(users.locked(decl, ann, kStart + 171s) == 0s);
}

TEST_CASE("a client of IPv6 is its network of /64") {
  Users users;
  auto place = [&users](const char* client) {
    return users.place("staff", "ann", *Address::parse(client, 1));
  };
  CHECK(place("2001:db8::1") == place("2001:db8::2"));
  CHECK(place("2001:db8::1") != place("2001:db8:0:1::1"));
}
