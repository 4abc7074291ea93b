// SPDX-License-Identifier: Apache-2.0
#include "ctl/arguments.h"

#include <deque>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "config.h"
#include "config/source.h"
#include "ctl/help.h"

namespace weir::ctl {
namespace {

using admin::Argument;
using admin::ArgumentKind;
using admin::Verb;

/// Where CLI11 puts what it reads. Deques: the places stay.
struct Slots {
  struct Slot {
    const Argument* argument;
    CLI::App* app;
    std::string text;
    std::vector<std::string> list;
    bool flag = false;
  };
  std::deque<Slot> all;
};

struct Globals {
  std::string socket;
  double timeout = 0;
  bool json = false;
  bool help = false;
  bool version = false;
};

Outcome usage_error(std::string text) {
  return {Exit::usage, {}, fmt::format("weirctl: {}\n", text)};
}

void add_argument(CLI::App& app, const Argument& argument, Slots& slots) {
  slots.all.push_back({&argument, &app, {}, {}, false});
  Slots::Slot& slot = slots.all.back();
  std::string name(argument.name);
  std::string option = admin::option_name(argument);
  switch (argument.kind) {
  case ArgumentKind::word:
    app.add_option(name, slot.text);
    break;
  case ArgumentKind::words:
    app.add_option(name, slot.list);
    break;
  case ArgumentKind::option:
    app.add_option(argument.name == "config" ? "-c," + option : option, slot.text);
    break;
  case ArgumentKind::list:
    app.add_option(option, slot.list)->expected(1)->take_all();
    break;
  case ArgumentKind::flag:
    app.add_flag(option, slot.flag);
    break;
  }
}

/// One level of the words: nouns, or the verbs of a noun.
CLI::App* add_level(CLI::App& parent, std::string_view word) {
  auto there =
      parent.get_subcommands([word](const CLI::App* known) { return known->get_name() == word; });
  if (!there.empty()) {
    return there.front();
  }
  CLI::App* app = parent.add_subcommand(std::string(word));
  app->fallthrough();
  app->require_subcommand(0, 1);
  return app;
}

void add_all(CLI::App& root, Slots& slots, Globals& globals) {
  root.set_help_flag();
  root.require_subcommand(0, 1);
  root.allow_extras();
  root.add_option("-s,--socket", globals.socket);
  root.add_option("--timeout", globals.timeout)->check(CLI::Range(0.001, 86400.0));
  root.add_flag("--json", globals.json);
  root.add_flag("-h,--help", globals.help);
  root.add_flag("-V,--version", globals.version);
  for (const Verb& verb : admin::verbs()) {
    CLI::App* app = add_level(root, verb.noun);
    if (!verb.verb.empty()) {
      app = add_level(*app, verb.verb);
    }
    for (const Argument& each : verb.arguments) {
      add_argument(*app, each, slots);
    }
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& each : words) {
    text += (text.empty() ? "" : " ") + each;
  }
  return text;
}

std::string near_text(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view near = config::nearest(word, known);
  return near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near);
}

/// A word or an option that nothing takes.
Outcome unexpected(const CLI::App& root, const std::string& word) {
  auto nouns = root.get_subcommands();
  if (word.size() > 1 && word.front() == '-') {
    std::vector<std::string> names = {"--json", "--socket", "--timeout", "--help", "--version"};
    for (const Verb& verb : admin::verbs()) {
      for (const Argument& each : verb.arguments) {
        if (each.kind != ArgumentKind::word && each.kind != ArgumentKind::words) {
          names.push_back(admin::option_name(each));
        }
      }
    }
    return usage_error(fmt::format("there is no option {}{}", word,
                                   near_text(word, {names.begin(), names.end()})));
  }
  if (nouns.empty()) {
    return usage_error(fmt::format("there is no command '{}'{}\nweirctl --help shows all", word,
                                   near_text(word, admin::nouns())));
  }
  std::string noun = nouns.front()->get_name();
  std::vector<std::string_view> known;
  for (const Verb& each : admin::verbs()) {
    if (each.noun == noun && !each.verb.empty()) {
      known.push_back(each.verb);
    }
  }
  bool has_verb = !nouns.front()->get_subcommands().empty();
  if (!has_verb && !known.empty()) {
    return usage_error(fmt::format("{} has no '{}'{}\n{}", noun, word, near_text(word, known),
                                   help_of_noun(noun)));
  }
  return usage_error(fmt::format("'{}' is one word too many", word));
}

void fill(const Slots& slots, const CLI::App* app, Command& command) {
  for (const Slots::Slot& slot : slots.all) {
    if (slot.app != app) {
      continue;
    }
    Json& to = slot.argument->local ? command.local : command.arguments;
    std::string name(slot.argument->name);
    switch (slot.argument->kind) {
    case ArgumentKind::word:
    case ArgumentKind::option:
      if (!slot.text.empty()) {
        to[name] = slot.text;
      }
      break;
    case ArgumentKind::words:
      if (!slot.list.empty()) {
        to[name] = join(slot.list);
      }
      break;
    case ArgumentKind::list:
      if (!slot.list.empty()) {
        to[name] = slot.list;
      }
      break;
    case ArgumentKind::flag:
      if (slot.flag) {
        to[name] = true;
      }
      break;
    }
  }
}

/// After a parse without a mistake in it.
std::variant<Command, Outcome> judge(const CLI::App& root, const Slots& slots,
                                     const Globals& globals) {
  if (globals.version) {
    return Outcome{Exit::ok, "weirctl " PACKAGE_VERSION "\n", {}};
  }
  auto nouns = root.get_subcommands();
  const CLI::App* app = nouns.empty() ? nullptr : nouns.front();
  std::string noun = app != nullptr ? app->get_name() : "";
  auto inner = app != nullptr ? app->get_subcommands() : nouns;
  const Verb* verb = admin::find_verb(noun, inner.empty() ? "" : inner.front()->get_name());
  if (globals.help) {
    return Outcome{Exit::ok,
                   verb != nullptr  ? help_of(*verb)
                   : app != nullptr ? help_of_noun(noun)
                                    : help_of_all(),
                   {}};
  }
  auto rest = root.remaining(true);
  if (!rest.empty()) {
    return unexpected(root, rest.front());
  }
  if (app == nullptr) {
    return Outcome{Exit::usage, {}, help_of_all()};
  }
  if (verb == nullptr) {
    return usage_error(fmt::format("{} needs one of:\n{}", noun, help_of_noun(noun)));
  }
  Command command;
  command.verb = verb;
  command.socket = globals.socket;
  command.json = globals.json;
  command.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(globals.timeout * 1000));
  fill(slots, inner.empty() ? app : inner.front(), command);
  if (std::string wrong = admin::check_arguments(*verb, command.arguments); !wrong.empty()) {
    return usage_error(fmt::format("{}\nusage: weirctl {}", wrong, usage_of(*verb)));
  }
  return command;
}

} // namespace

std::variant<Command, Outcome> read_arguments(int argc, const char* const* argv) {
  Slots slots;
  Globals globals;
  try {
    CLI::App root;
    add_all(root, slots, globals);
    root.parse(argc, argv);
    return judge(root, slots, globals);
  } catch (const CLI::Error& error) { // CLI11 tells mistakes by exceptions; they end here
    return usage_error(error.what());
  }
}

} // namespace weir::ctl
