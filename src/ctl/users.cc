// SPDX-License-Identifier: Apache-2.0
#include "ctl/users.h"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "admin/local_answers.h"
#include "config/load.h"
#include "ctl/client.h"
#include "ctl/user_file.h"
#include "rules/password.h"

namespace weir::ctl {
namespace {

using admin::Answer;
using admin::failure;

Answer told(const std::string& what, std::vector<config::Diagnostic> wrong) {
  Answer answer = failure(Exit::failed, fmt::format("{}: {}", what, admin::count_text(wrong)));
  answer.body["diagnostics"] = admin::diagnostics_json(wrong);
  return answer;
}

/// The file that is meant. Else the answer that says why there is none.
std::optional<Answer> find_file(const Command& command, std::string& file) {
  file = admin::text_of(command.local, "file");
  if (!file.empty()) {
    return std::nullopt;
  }
  std::string config = admin::text_of(command.local, "config");
  config = config.empty() ? kDefaultFile : config;
  config::Loaded loaded = config::load_file(config);
  if (!loaded.config) {
    return told(config, std::move(loaded.diagnostics));
  }
  std::string wanted = admin::text_of(command.local, "users");
  std::string names;
  for (const config::UsersDecl& each : loaded.config->users) {
    if (each.name == wanted || (wanted.empty() && loaded.config->users.size() == 1)) {
      file = each.file;
      return std::nullopt;
    }
    names += (names.empty() ? "" : ", ") + each.name;
  }
  return failure(Exit::failed,
                 names.empty()
                     ? fmt::format("{} has no users; --file FILE names a file", config)
                     : fmt::format("{} has users {}: say which with --users", config, names));
}

struct Opened {
  std::string file;
  std::string text;
  rules::UserTable table;
};

/// `may_be_new`: a file that is not there is an empty one.
std::optional<Answer> open(const Command& command, bool may_be_new, Opened& out) {
  if (auto failed = find_file(command, out.file)) {
    return failed;
  }
  if (may_be_new && ::access(out.file.c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::nullopt;
  }
  std::string why;
  auto text = rules::read_user_file(out.file, why);
  if (!text) {
    return failure(Exit::failed, fmt::format("{}: {}", out.file, why));
  }
  out.text = std::move(*text);
  std::vector<config::Diagnostic> wrong;
  out.table = rules::UserTable::read(out.file, out.text, wrong);
  return wrong.empty() ? std::nullopt : std::optional(told(out.file, std::move(wrong)));
}

Json user_json(const rules::User& user) {
  Json one;
  one["name"] = user.name;
  one["groups"] = user.groups;
  one["scheme"] = std::string(rules::scheme_of(user.hash));
  one["line"] = user.line;
  return one;
}

Answer list_users(const Opened& opened) {
  Json all = Json::array();
  for (const rules::User& each : opened.table.all()) {
    all.push_back(user_json(each));
  }
  Json body;
  body["file"] = opened.file;
  body["users"] = std::move(all);
  return admin::success(std::move(body));
}

Answer test_user(const Opened& opened, const std::string& name) {
  std::string password;
  if (std::string why = read_password(false, password); !why.empty()) {
    return failure(Exit::usage, why);
  }
  const rules::User* user = opened.table.find(name);
  bool right = user != nullptr && rules::matches_password(user->hash, password);
  rules::wipe(password);
  Answer answer =
      right ? admin::success({})
            : failure(Exit::failed, user != nullptr
                                        ? fmt::format("this is not the password of {}", name)
                                        : fmt::format("{} is none of the users", name));
  answer.body["file"] = opened.file;
  if (user != nullptr) {
    answer.body["user"] = user_json(*user);
  }
  return answer;
}

/// A,B of --group. "" on success.
std::string read_groups(const std::string& text, rules::User& user) {
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    std::size_t end = std::min(text.find(',', at), text.size());
    user.groups.push_back(text.substr(at, end - at));
    if (std::string bad = rules::check_group_name(user.groups.back()); !bad.empty()) {
      return bad;
    }
    at = end + 1;
  }
  return {};
}

/// add and passwd.
Answer change(const Command& command, Opened& opened, const std::string& name) {
  bool adds = command.verb->verb == "add";
  const rules::User* known = opened.table.find(name);
  rules::User user{name, {}, {}, 0};
  std::string bad = rules::check_user_name(name);
  bad = bad.empty() ? read_groups(admin::text_of(command.arguments, "group"), user) : bad;
  if (!bad.empty()) {
    return failure(Exit::usage, bad);
  }
  if (adds == (known != nullptr)) {
    return failure(Exit::failed, adds ? fmt::format("{} is a user already: user passwd", name)
                                      : fmt::format("{} is none of the users: user add", name));
  }
  std::string password;
  if (std::string why = read_password(true, password); !why.empty()) {
    return failure(Exit::usage, why);
  }
  if (password.size() > rules::kMostBcrypt) {
    rules::wipe(password);
    return failure(Exit::usage,
                   fmt::format("a password has at most {} octets", rules::kMostBcrypt));
  }
  auto hash = rules::hash_password(password);
  rules::wipe(password);
  if (!hash) {
    return failure(Exit::failed, "the system makes no hash of bcrypt");
  }
  user.hash = *hash;
  std::string text =
      adds ? add_user(opened.text, user) : change_hash(opened.text, *known, user.hash);
  Json body;
  body["file"] = opened.file;
  body["name"] = name;
  body["dry_run"] = admin::flag_of(command.arguments, "dry_run");
  if (!admin::flag_of(command.arguments, "dry_run")) {
    if (std::string why = write_user_file(opened.file, text); !why.empty()) {
      return failure(Exit::failed, why);
    }
  }
  return admin::success(std::move(body));
}

} // namespace

Answer answer_users(const Command& command) {
  Opened opened;
  if (auto failed = open(command, command.verb->verb == "add", opened)) {
    return std::move(*failed);
  }
  std::string name = admin::text_of(command.arguments, "name");
  return command.verb->verb == "ls"     ? list_users(opened)
         : command.verb->verb == "test" ? test_user(opened, name)
                                        : change(command, opened, name);
}

} // namespace weir::ctl
