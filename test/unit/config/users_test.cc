// SPDX-License-Identifier: Apache-2.0
//
// users, auth, and who may be asked for by name: what they declare, and what is wrong with them.
#include <catch2/catch.hpp>

#include "config/load.h"

using namespace weir;
using namespace weir::config;
using namespace std::chrono_literals;

namespace {

/// Without files: that they are there is not looked at.
Loaded load(const std::string& text) { return load_text("weir.conf", text, {false}); }

std::shared_ptr<const Config> good(const std::string& text) {
  auto loaded =
      load("users staff { file /u }\nusers it { file /i }\npool app { server h:1 }\n" + text);
  INFO(print(loaded.diagnostics));
  REQUIRE(loaded.config);
  return loaded.config;
}

/// "2:5 what": the first error.
std::string wrong(const std::string& text) {
  for (const Diagnostic& each : load(text).diagnostics) {
    if (each.severity == Severity::error) {
      return std::to_string(each.line) + ":" + std::to_string(each.column) + " " + each.what;
    }
  }
  return {};
}

} // namespace

TEST_CASE("FEATURES 4: users have a file, and how long what is kept") {
  auto config = load("users staff { file /etc/weir/users cache 1min attempts 3 lock-time 2h }\n"
                     "users it { file it; cache none; attempts none }\n"
                     "users plain { file /x }\nforward f { listen 127.0.0.1:1 }")
                    .config;
  REQUIRE(config);
  REQUIRE(config->users.size() == 3);
  const UsersDecl& staff = config->users[0];
  CHECK(staff.name == "staff");
  CHECK(staff.file == "/etc/weir/users");
  CHECK(staff.cache == 1min);   // users_cache
  CHECK(staff.attempts == 3);   // users_attempts
  CHECK(staff.lock_time == 2h); // users_lock_time
  CHECK(config->users[1].cache == Duration::zero());
  CHECK(config->users[1].attempts == 0);
  CHECK(config->users[2].cache == 5min);
  CHECK(config->users[2].attempts == 10);
  CHECK(config->users[2].lock_time == 5min);
}

TEST_CASE("FEATURES 4: auth of a forward; FEATURES 98: of a site, which holds for its routes") {
  auto config = good(R"(
    forward lan { listen 127.0.0.1:1; auth basic from staff realm "The proxy" }
    forward free { listen 127.0.0.1:2 }
    site www.test { listen 127.0.0.1:3
      auth basic from staff
      route / { pool app }
      route /it { auth basic from it pass; pool app }
      route /open { auth none; pool app } }
    site part.test { listen 127.0.0.1:3; route / { pool app }; route /in { auth basic from it; pool app } })");
  const AuthDecl& lan = config->forwards[0].auth;
  CHECK(lan);
  CHECK(lan.users.index == 0);
  CHECK(lan.realm == "The proxy");
  CHECK(lan.key_part.empty());
  CHECK_FALSE(config->forwards[1].auth);
  const auto& routes = config->sites[0].routes;
  CHECK(routes[0].auth.users.index == 0);
  CHECK(routes[0].auth.realm == "www.test");
  CHECK(routes[0].auth.key_part == "u:staff");
  CHECK_FALSE(routes[0].auth.pass);
  CHECK(routes[1].auth.users.index == 1);
  CHECK(routes[1].auth.pass);
  CHECK_FALSE(routes[2].auth);
  CHECK_FALSE(config->sites[1].auth);
  CHECK_FALSE(config->sites[1].routes[0].auth);
  CHECK(config->sites[1].routes[1].auth.users.name == "it");
}

TEST_CASE("FEATURES 9: user and group in rules, limits by user: only where somebody logs in") {
  auto config =
      good("limit l { key client user path rate 1/h }\nforward f { listen 0.0.0.0:1; auth basic "
           "from it\n"
           "rules { limit l; deny user eve \"Jim B\"; allow group it admins; deny all } }\n"
           "site s { listen 127.0.0.1:3; rules { deny user eve }; route / { pool app }\n"
           "route /a { auth basic from staff; rules { allow group it; deny all }; limit l; pool "
           "app } }");
  CHECK(config->limits[0].by_user);
  const auto& rules = config->forwards[0].rules;
  CHECK(rules[1].conditions[0].kind == ConditionKind::user);
  CHECK(rules[1].conditions[0].texts == std::vector<std::string>{"eve", "Jim B"});
  CHECK(rules[2].conditions[0].kind == ConditionKind::group);
  CHECK(rules[2].conditions[0].texts == std::vector<std::string>{"it", "admins"});
  const std::string users = "users staff { file /u }\n";
  CHECK(wrong(users + "forward f { listen 127.0.0.1:1; rules { allow user ann } }") ==
        "2:47 nobody logs in to this forward");
  CHECK(wrong(users + "forward f { listen 127.0.0.1:1; rules { allow host x unless group it } }") ==
        "2:61 nobody logs in to this forward");
  CHECK(wrong(users +
              "site s { listen 127.0.0.1:1; rules { deny user ann }; route / { respond 200 } }") ==
        "2:43 nobody logs in to this site");
  CHECK(wrong(users +
              "site s { listen 127.0.0.1:1; auth basic from staff; route / { auth none; rules { "
              "deny user ann }; respond 200 } }") == "2:87 nobody logs in to this route");
  CHECK(wrong("limit l { key user rate 1/h }\nforward f { listen 127.0.0.1:1; rules { limit l; "
              "allow all } }") ==
        "2:47 the limit l counts by user, and nobody logs in to this forward");
  CHECK(wrong("limit l { key user rate 1/h }\nsite s { listen 127.0.0.1:1; route / { limit l; "
              "respond 200 } }") ==
        "2:46 the limit l counts by user, and nobody logs in to this route");
}

TEST_CASE("C9 a forward with auth is no open proxy") {
  const std::string users = "users staff { file /u }\n";
  CHECK(wrong(users + "forward f { listen 0.0.0.0:1; auth basic from staff; rules { allow all } }")
            .empty());
  CHECK_THAT(wrong(users + "forward f { listen 0.0.0.0:1; rules { allow all } }"),
             Catch::Contains("would be an open proxy"));
}

TEST_CASE("FEATURES 4: what is wrong with users and auth") {
  struct Case {
    const char* text;
    const char* told;
  };
  const std::string users = "users staff { file /u }\n";
  for (auto [text, told] : std::initializer_list<Case>{
           {"users { file /x }", "2:1 'users' needs more words"},
           {"users x { }", "2:1 users 'x' has no file"},
           {"users x { file /x; cache 1 }", "2:26 cache 1: bad value"},
           {"users staff { file /x }", "2:1 users 'staff' is declared twice"},
           {"auth basic from staff", "2:1 'auth' does not stand at the top"},
           {"forward f { listen 127.0.0.1:1; auth }", "2:33 'auth' needs more words"},
           {"forward f { listen 127.0.0.1:1; auth basic }", "2:38 'auth' needs more words"},
           {"forward f { listen 127.0.0.1:1; auth basic in staff }", "2:44 bad value 'in'"},
           {"forward f { listen 127.0.0.1:1; auth plain from staff }", "2:38 bad value 'plain'"},
           {"forward f { listen 127.0.0.1:1; auth negotiate from staff }",
            "2:38 'negotiate' is not in this version"},
           {"forward f { listen 127.0.0.1:1; auth basic from stuff }",
            "2:49 no users is called 'stuff'"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff pass }",
            "2:55 a forward passes no credentials on"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff realm }",
            "2:55 bad value 'realm'"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff realm \"\" }",
            "2:61 bad value ''"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff x }", "2:55 bad value 'x'"},
           {"forward f { listen 127.0.0.1:1; auth none x }", "2:43 'x' is too much here"},
           {"forward f { listen 127.0.0.1:1; auth none; auth none }",
            "2:44 'auth' stands twice in this block"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff; rules { deny group -x } }",
            "2:75 '-x' is not a name"},
           {"forward f { listen 127.0.0.1:1; auth basic from staff; rules { deny user ~ x } }",
            "2:74 bad value '~'"},
           {"forward f { listen 127.0.0.1:1; rules { auth } }",
            "2:41 'auth' does not stand in rules"},
       }) {
    INFO(text);
    CHECK_THAT(wrong(users + text), Catch::StartsWith(told));
  }
}
