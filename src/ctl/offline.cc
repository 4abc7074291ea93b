// SPDX-License-Identifier: Apache-2.0
#include "ctl/offline.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "admin/certificates.h"
#include "admin/explain.h"
#include "admin/local_answers.h"
#include "config/load.h"
#include "ctl/users.h"
#include "rules/route.h"

namespace weir::ctl {
namespace {

using admin::Answer;

/// The file as it was, or as it is to be: never half of it.
std::string replace_file(const std::string& path, const std::string& text) {
  std::string fresh = fmt::format("{}.new.{}", path, ::getpid());
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || std::rename(fresh.c_str(), path.c_str()) != 0) {
    std::string why = std::strerror(errno);
    ::unlink(fresh.c_str());
    return fmt::format("{}: {}", path, why);
  }
  return {};
}

Answer format_file(const Command& command, const std::string& file) {
  Answer answer = admin::fmt_answer(file);
  if (answer.exit == Exit::ok && admin::flag_of(command.local, "write")) {
    std::string why = replace_file(file, admin::text_of(answer.body, "text"));
    if (!why.empty()) {
      return admin::failure(Exit::failed, why);
    }
    answer.body["text"] = "";
  }
  return answer;
}

/// A configuration that does not load is answered with its mistakes.
Answer bad_config(const std::string& file, const config::Loaded& loaded) {
  Answer answer = admin::failure(
      Exit::failed, fmt::format("{}: {}", file, admin::count_text(loaded.diagnostics)));
  answer.body["diagnostics"] = admin::diagnostics_json(loaded.diagnostics);
  return answer;
}

Answer show_file(const Command& command, const std::string& file) {
  config::Loaded loaded = config::load_file(file);
  return loaded.config
             ? admin::show_answer(*loaded.config, admin::flag_of(command.arguments, "effective"))
             : bad_config(file, loaded);
}

/// Lists and routes of a configuration, made here.
struct Made {
  std::shared_ptr<const config::Config> config;
  rules::RuleParts parts;
  std::unique_ptr<const rules::RouteTable> routes;
};

std::optional<Answer> make(const std::string& file, Made& made) {
  config::Loaded loaded = config::load_file(file);
  if (!loaded.config) {
    return bad_config(file, loaded);
  }
  made.config = loaded.config;
  for (const config::ListDecl& each : made.config->lists) {
    rules::ListReport report;
    auto list = rules::compile_list(each, {}, report);
    if (!list) {
      return admin::failure(Exit::failed, fmt::format("list {}: {}", each.name, report.problem));
    }
    made.parts.lists.push_back(std::move(*list));
  }
  std::string problem;
  auto whens = rules::compile_schedules(*made.config, problem);
  if (!whens) {
    return admin::failure(Exit::failed, problem);
  }
  made.parts.whens = std::move(*whens);
  auto routes = rules::RouteTable::compile(made.config, made.parts);
  if (!routes) {
    return admin::failure(Exit::failed, to_string(routes.error()));
  }
  made.routes = std::move(*routes);
  return std::nullopt;
}

Answer ask_rules(const Command& command, const std::string& file) {
  Made made;
  if (auto failed = make(file, made)) {
    return std::move(*failed);
  }
  Clock::tick();
  if (command.verb->noun == "explain") {
    std::vector<config::Diagnostic> wrong;
    auto users = rules::read_user_tables(*made.config, wrong);
    if (config::count_errors(wrong) != 0) {
      return bad_config(file, {nullptr, std::move(wrong)});
    }
    return admin::explain_answer(admin::explain_ask(command.arguments), *made.config, *made.routes,
                                 users, Clock::wall(), {});
  }
  if (command.verb->noun == "routes") {
    return admin::routes_answer(*made.routes, admin::text_of(command.arguments, "site"));
  }
  return admin::lookup_answer(made.parts.lists, admin::text_of(command.arguments, "what"));
}

Answer list_certificates(const std::string& file) {
  config::Loaded loaded = config::load_file(file);
  if (!loaded.config) {
    return bad_config(file, loaded);
  }
  Clock::tick();
  return admin::certificates_of(*loaded.config, Clock::wall());
}

Answer ask_log(const Command& command, std::string directory) {
  if (directory.empty()) {
    std::string file = admin::text_of(command.local, "config");
    config::Loaded loaded = config::load_file(file);
    if (!loaded.config) {
      return bad_config(file, loaded);
    }
    directory = loaded.config->log.sqlite;
    if (directory.empty()) {
      return admin::failure(Exit::failed, fmt::format("{} has no SQLite log", file));
    }
  }
  if (command.verb->verb == "req") {
    return admin::req_answer(directory, admin::text_of(command.arguments, "id"), {});
  }
  return admin::sql_answer(directory, admin::text_of(command.arguments, "query"), {});
}

} // namespace

std::optional<Answer> answer_offline(const Command& command) {
  const admin::Verb& verb = *command.verb;
  std::string file = admin::text_of(command.local, "file");
  std::string config = admin::text_of(command.local, "config");
  std::string directory = admin::text_of(command.local, "directory");
  if (verb.noun == "user") {
    return answer_users(command);
  }
  if (verb.noun == "config" && !file.empty()) {
    return verb.verb == "test"  ? admin::test_answer(file)
           : verb.verb == "fmt" ? format_file(command, file)
                                : show_file(command, file);
  }
  if (verb.noun == "log" && (!directory.empty() || !config.empty())) {
    return ask_log(command, std::move(directory));
  }
  if (verb.noun == "cert" && !config.empty()) {
    return list_certificates(config);
  }
  if (!config.empty()) {
    return ask_rules(command, config);
  }
  return std::nullopt;
}

} // namespace weir::ctl
