// SPDX-License-Identifier: Apache-2.0
//
// The statements of the top, and those of log, admin, dns, list, when.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/account.h"
#include "config/statements.h"
#include "config/values.h"

namespace weir::config {
namespace {

/// A path of the file system; "" when the word is none, which has been told.
std::string read_path(Reading& r, const Word& word) {
  if (word.text.empty()) {
    r.report.error(word.at, "the path is empty");
    return {};
  }
  return r.report.resolve(word.at, word.text);
}

/// A name that this system does not know.
void tell_unknown(Reading& r, const Word& word, std::string_view kind,
                  const std::vector<std::string>& names) {
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view near = nearest(word.text, known);
  r.report.error(word.at, fmt::format("this system has no {} '{}'", kind, word.text),
                 near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

/// A list file must be there at load: its absence would let everything through.
void check_readable(Reading& r, const Word& word, const std::string& path) {
  struct stat info {};
  if (!r.settings.outside) {
    return;
  }
  if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), R_OK) != 0) {
    r.report.error(word.at, fmt::format("{}: {}", path, tell_file_error(errno)));
  } else if (!S_ISREG(info.st_mode)) {
    r.report.error(word.at, fmt::format("{}: not a plain file", path));
  }
}

} // namespace

void read_include(Reading&, const Statement&, Scope&) {} // read_tree() has put the files in place

void read_state(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    r.config.state = read_path(r, s.words[1]);
    r.config.state_at = s.at();
  }
}

void read_user(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 2)) {
    return;
  }
  r.config.user = s.words[1].text;
  r.config.user_at = s.at();
  if (r.settings.outside && !find_user(r.config.user)) {
    tell_unknown(r, s.words[1], "user", user_names());
  }
  if (s.words.size() > 2) {
    r.config.group = s.words[2].text;
    if (r.settings.outside && !group_number(r.config.group)) {
      tell_unknown(r, s.words[2], "group", group_names());
    }
  }
}

void read_via(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const std::string& name = s.words[1].text;
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~:[]").find(c) != std::string_view::npos;
  });
  if (!good) {
    bad_value(r, s.words[1],
              "a pseudonym has no white space and no separators, as in proxy1.example");
  }
  r.config.via = name;
  r.config.via_at = s.at();
}

void read_page(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 2, 2)) {
    return;
  }
  PageDecl page;
  page.name = read_name(r, s.words[1], flag::CONDITION | flag::ARGUMENT);
  page.file = read_at_file(r, s.words[2]);
  page.body = read_page_file(r, s.words[2], page.file);
  page.content_type = content_type(page.file, "text/html; charset=utf-8");
  page.at = s.at();
  if (!page.name.empty()) {
    r.config.pages.push_back(std::move(page));
  }
}

// log { }

void read_log(Reading& r, const Statement& s, Scope& scope) {
  Scope inner = scope;
  if (has_words(r, s, scope, 0, 0)) {
    read_inner(r, s, inner, flag::LOG);
    r.config.log.options = inner.options;
    r.config.log.keep = inner.options.log_keep;
    r.config.log.max = inner.options.log_max;
    r.config.log.at = s.at();
  }
}

void read_log_sqlite(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    r.config.log.sqlite = read_path(r, s.words[1]);
    r.config.log.sqlite_at = s.words[1].at;
  }
}

void read_log_json(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    r.config.log.json = read_path(r, s.words[1]);
    r.config.log.json_at = s.words[1].at;
  }
}

void read_log_errors(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 2)) {
    return;
  }
  LogDecl& log = r.config.log;
  log.errors = s.words[1].is("stderr") ? "" : read_path(r, s.words[1]);
  log.errors_at = s.at();
  if (s.words.size() > 2) {
    constexpr std::string_view kLevels[] = {"debug", "info", "warn", "error"};
    const auto* const found = std::find(std::begin(kLevels), std::end(kLevels), s.words[2].text);
    if (found == std::end(kLevels)) {
      return bad_value(r, s.words[2], "a level is debug, info, warn or error");
    }
    log.level = static_cast<Level>(found - kLevels);
  }
}

// admin { }

void read_admin(Reading& r, const Statement& s, Scope& scope) {
  Scope inner = scope;
  if (has_words(r, s, scope, 0, 0)) {
    r.config.admin.at = s.at();
    read_inner(r, s, inner, flag::ADMIN);
  }
}

void read_admin_socket(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  constexpr std::size_t kLongest = 107; // sockaddr_un
  r.config.admin.socket = read_path(r, s.words[1]);
  r.config.admin.socket_at = s.words[1].at;
  if (r.config.admin.socket.size() > kLongest) {
    bad_value(r, s.words[1],
              fmt::format("the path of a socket has at most {} characters", kLongest));
  }
}

void read_admin_group(Reading& r, const Statement& s, Scope& scope) {
  if (has_words(r, s, scope, 1, 1)) {
    r.config.admin.group = read_name(r, s.words[1]);
    r.config.admin.group_at = s.at();
  }
}

void read_admin_mode(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const std::string& text = s.words[1].text;
  std::uint32_t mode = 0;
  for (const char c : text) {
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
    if (c < '0' || c > '7' || text.size() > 4) {
      return bad_value(r, s.words[1], "permissions are written in octal: 0660");
    }
  }
  if (text.size() < 3 || mode > 0777) {
    return bad_value(r, s.words[1], "permissions are written in octal: 0660");
  }
  r.config.admin.mode = mode;
  r.config.admin.mode_at = s.at();
}

void read_admin_http(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  Address address;
  if (std::string wrong = read_listen_address(s.words[1].text, address); !wrong.empty()) {
    return bad_value(r, s.words[1], std::move(wrong));
  }
  r.config.admin.http = address;
  r.config.admin.http_at = s.words[1].at;
}

void read_admin_token(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  r.config.admin.token_file = read_at_file(r, s.words[1]);
  r.config.admin.token_at = s.words[1].at;
  const std::string& file = r.config.admin.token_file;
  if (!r.settings.outside || file.empty()) {
    return;
  }
  if (::access(file.c_str(), F_OK) != 0) {
    r.report.error(s.words[1].at, fmt::format("{}: {}", file, tell_file_error(errno)));
  } else if (is_open_to_all(file)) {
    r.report.warning(s.words[1].at,
                     fmt::format("{} can be read by every user of this system", file),
                     "chmod o-r " + file);
  }
}

// dns { }

void read_dns(Reading& r, const Statement& s, Scope& scope) {
  Scope inner = scope;
  if (has_words(r, s, scope, 0, 0)) {
    read_inner(r, s, inner, flag::DNS);
    r.config.dns.options = inner.options;
    r.config.dns.stale = inner.options.dns_stale;
    r.config.dns.timeout = inner.options.dns_timeout;
    r.config.dns.at = s.at();
  }
}

void read_dns_server(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  r.config.dns.servers_at = s.at();
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    Address address;
    if (std::string wrong = read_resolver(s.words[i].text, address); !wrong.empty()) {
      bad_value(r, s.words[i], std::move(wrong));
    } else {
      r.config.dns.servers.push_back(address);
    }
  }
}

void read_dns_prefer(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  if (s.words[1].text != "ipv6" && s.words[1].text != "ipv4") {
    return bad_value(r, s.words[1], "write ipv6 or ipv4");
  }
  r.config.dns.prefer = s.words[1].text == "ipv4" ? Prefer::ipv4 : Prefer::ipv6;
  r.config.dns.prefer_at = s.at();
}

// list NAME { }

void read_list(Reading& r, const Statement& s, Scope& scope) {
  ListDecl list;
  Scope inner = scope;
  inner.list = &list;
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  list.name = read_name(r, s.words[1], flag::CONDITION | flag::ARGUMENT);
  list.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::LIST);
  check_has(r, sound, list.sources, s, "file", "file /etc/weir/lists/NAME");
  list.shrink_guard = inner.options.list_shrink_guard;
  if (!list.name.empty()) {
    r.config.lists.push_back(std::move(list));
  }
}

void read_list_file(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const std::string path = read_path(r, s.words[1]);
  check_readable(r, s.words[1], path);
  scope.list->files.push_back(path);
  scope.list->sources = true;
}

void read_list_dir(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  scope.list->sources = true;
  const std::string path = read_path(r, s.words[1]);
  if (!r.settings.outside) {
    return;
  }
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) {
    r.report.error(s.words[1].at, fmt::format("{}: {}", path, tell_file_error(errno)));
    return;
  }
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(folder)) {
    std::string file = path + "/" + entry->d_name;
    struct stat info {};
    if (entry->d_name[0] != '.' && ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      files.push_back(std::move(file));
    }
  }
  ::closedir(folder);
  std::sort(files.begin(), files.end());
  for (std::string& file : files) {
    check_readable(r, s.words[1], file);
    scope.list->files.push_back(std::move(file));
  }
}

void read_list_format(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  const Word& word = s.words[1];
  if (word.text == "ut1" || word.text == "adblock" || word.text == "rpz") {
    return absent_word(r, word);
  }
  if (word.text != "plain" && word.text != "hosts" && word.text != "cidr") {
    return bad_value(r, word, "a format is plain, hosts or cidr");
  }
  scope.list->format = word.text == "hosts"  ? ListFormat::hosts
                       : word.text == "cidr" ? ListFormat::cidr
                                             : ListFormat::plain;
}

// when NAME { }

void read_when(Reading& r, const Statement& s, Scope& scope) {
  WhenDecl when;
  Scope inner = scope;
  inner.when = &when;
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  when.name = read_name(r, s.words[1], flag::CONDITION | flag::ARGUMENT);
  when.at = s.at();
  const bool sound = read_inner(r, s, inner, flag::WHEN);
  check_has(r, sound, !when.slots.empty(), s, "time", "time mon-fri 08:00-18:00");
  if (!when.name.empty()) {
    r.config.whens.push_back(std::move(when));
  }
}

void read_when_time(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, kAny)) {
    return;
  }
  TimeSlot slot;
  bool open = false; // days without times yet
  for (std::size_t i = 1; i < s.words.size(); ++i) {
    const Word& word = s.words[i];
    const bool days = !word.text.empty() && (word.text[0] < '0' || word.text[0] > '9');
    std::uint8_t mask = 0;
    std::string wrong = days ? read_days(word.text, mask) : read_times(word.text, slot);
    if (!wrong.empty()) {
      bad_value(r, word, std::move(wrong));
      return;
    }
    if (days) {
      slot.days = open ? static_cast<std::uint8_t>(slot.days | mask) : mask;
      open = true;
    } else {
      scope.when->slots.push_back(slot);
      open = false;
    }
  }
  if (open) {
    scope.when->slots.push_back({slot.days, 0, 1440});
  }
}

void read_when_zone(Reading& r, const Statement& s, Scope& scope) {
  if (!has_words(r, s, scope, 1, 1)) {
    return;
  }
  if (std::string wrong = check_zone(s.words[1].text, r.settings.outside); !wrong.empty()) {
    return bad_value(r, s.words[1], std::move(wrong));
  }
  scope.when->zone = s.words[1].text;
}

} // namespace weir::config
