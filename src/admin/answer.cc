// SPDX-License-Identifier: Apache-2.0
#include "admin/answer.h"

#include <fmt/format.h>

#include "config/source.h"
#include "log/record.h"

namespace weir::admin {
namespace {

constexpr int kMostDepth = 16;

/// What kind of value an argument has, in words; empty: `value` is one.
std::string_view wrong_kind(const Argument& argument, const Json& value) {
  switch (argument.kind) {
  case ArgumentKind::flag:
    return value.is_boolean() ? "" : "true or false";
  case ArgumentKind::list:
    for (const Json& each : value) {
      if (!each.is_string()) {
        return "an array of strings";
      }
    }
    return value.is_array() ? "" : "an array of strings";
  case ArgumentKind::word:
  case ArgumentKind::words:
  case ArgumentKind::option:
    break;
  }
  return value.is_string() ? "" : "a string";
}

const Argument* find_argument(const Verb& verb, std::string_view name) {
  for (const Argument& each : verb.arguments) {
    if (each.name == name && !each.local) {
      return &each;
    }
  }
  return nullptr;
}

std::string unknown_argument(const Verb& verb, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Argument& each : verb.arguments) {
    if (!each.local) {
      known.push_back(each.name);
    }
  }
  std::string_view near = config::nearest(name, known);
  return fmt::format("{} has no argument '{}'{}", verb.words(), name,
                     near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

} // namespace

Answer failure(Exit exit, std::string error) {
  Answer answer;
  answer.exit = exit;
  answer.body["error"] = std::move(error);
  answer.body["exit"] = static_cast<int>(exit);
  return answer;
}

Answer success(Json body) {
  Answer answer;
  answer.body = std::move(body);
  return answer;
}

std::string dump(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Json> parse_json(std::string_view text) {
  bool deep = false;
  auto too_deep = [&deep](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMostDepth;
    return !deep;
  };
  Json value = Json::parse(text, too_deep, false);
  if (deep || value.is_discarded()) {
    return std::nullopt;
  }
  return value;
}

std::string check_arguments(const Verb& verb, const Json& arguments) {
  if (!arguments.is_object()) {
    return "the body must be a JSON object";
  }
  for (const auto& [name, value] : arguments.items()) {
    const Argument* argument = find_argument(verb, name);
    if (argument == nullptr) {
      return unknown_argument(verb, name);
    }
    if (std::string_view kind = wrong_kind(*argument, value); !kind.empty()) {
      return fmt::format("'{}' must be {}", name, kind);
    }
  }
  for (const Argument& each : verb.arguments) {
    if (each.required && text_of(arguments, each.name).empty()) {
      return fmt::format("{} needs {}", verb.words(), each.form);
    }
  }
  return {};
}

std::string time_text(WallTime time) {
  std::string text;
  if (time != WallTime{}) {
    log::append_time(time.time_since_epoch().count(), ' ', text);
  }
  return text;
}

std::string text_of(const Json& arguments, std::string_view name) {
  auto found = arguments.find(name);
  return found != arguments.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_of(const Json& arguments, std::string_view name) {
  auto found = arguments.find(name);
  return found != arguments.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> list_of(const Json& arguments, std::string_view name) {
  std::vector<std::string> all;
  if (auto found = arguments.find(name); found != arguments.end() && found->is_array()) {
    for (const Json& each : *found) {
      all.push_back(each.get<std::string>());
    }
  }
  return all;
}

} // namespace weir::admin
