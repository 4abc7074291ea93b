// SPDX-License-Identifier: Apache-2.0
//
// Statements → declarations: what the functions that read a statement share, and these functions
// themselves: one read_<name>() for each Words row of options.def. Internal to config/.
//
// Reading is the run: the Config that grows, and the report. Scope is what stands around a
// statement; a block begins with a copy of the one around it, and so inherits its Options.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/load.h"
#include "config/tree.h"

namespace weir::config {

struct Reading {
  Report& report;
  LoadSettings settings;
  Config config;
};

struct Scope {
  Flags place = flag::TOP;
  Options options;
  // The declaration that is being read, of each kind.
  CacheDecl* cache = nullptr;
  ListDecl* list = nullptr;
  UsersDecl* users = nullptr;
  WhenDecl* when = nullptr;
  LimitDecl* limit = nullptr;
  PoolDecl* pool = nullptr;
  CheckDecl* check = nullptr;
  ServerDecl* server = nullptr; // what holds for all servers of a statement
  ForwardDecl* forward = nullptr;
  SiteDecl* site = nullptr;
  RouteDecl* route = nullptr;
  L4Decl* l4 = nullptr;
  RuleDecl* rule = nullptr;
  std::vector<Condition>* conditions = nullptr; // of the rule: before or after its `unless`
  std::vector<RuleDecl>* rules = nullptr;
  std::vector<ListenDecl>* listens = nullptr;
  // What forwards inherit from the top and add to.
  std::vector<PortRange> connect{{443, 443}};
  bool connect_written = false;
  bool private_deny = true;
  std::vector<Prefix> private_except;
  CacheUseDecl use;
  std::vector<CompressWord> compress;
  Position connect_at, private_at;
};

/// Reads the statements of a block: values first, then words, then inner blocks, so that what a
/// block says holds for everything in it, wherever it stands. Sets scope.options.
void read_block(Reading& r, const std::vector<Statement>& list, Scope& scope);
/// Reads the block of `s` as one of `place`. Whether there was no error in it.
bool read_inner(Reading& r, const Statement& s, Scope& scope, Flags place);
/// Reads one statement that is known to stand where it may.
void read_row(Reading& r, const Row& row, const Statement& s, Scope& scope);
/// Cuts a statement before each word that is a row of `places` or one of another version. The
/// first part is what stands before them, at least its first word.
std::vector<Statement> split(const Statement& s, Flags places);
/// Reads all parts but the first as rows of `place`, into the statement's own scope.
void read_parts(Reading& r, const std::vector<Statement>& parts, Scope& inner, Flags place);

/// Tells that `word` is not known in `places`: not in this version, at home elsewhere, or nothing.
void unknown_word(Reading& r, const Word& word, Flags places);
/// A word of the language that this build does not carry out (CONFIG.md rule 12).
bool is_absent(std::string_view word) noexcept;
bool is_absent_in(std::string_view word, Flags places) noexcept;
void absent_word(Reading& r, const Word& word);

/// Whether a statement has from `least` to `most` words after its own; told with its form if not.
bool has_words(Reading& r, const Statement& s, const Scope& scope, std::size_t least,
               std::size_t most);
constexpr std::size_t kAny = 1U << 20;

/// Tells that the block `s` lacks what it is for, if it is `sound`: without another error in it.
void check_has(Reading& r, bool sound, bool has, const Statement& s, std::string_view what,
               std::string_view hint);
/// Tells that a word does not have the form that its place wants.
void bad_value(Reading& r, const Word& word, std::string hint);

/// A name that is declared: letters, digits, '.', '_', '-'. `words`: places whose words it must
/// not be, since it could not be told from them. "" when it is bad, which has been told.
std::string read_name(Reading& r, const Word& word, Flags words = 0);
NameRef use_name(const Word& word);
/// @FILE → its path; "" when it is not one, which has been told.
std::string read_at_file(Reading& r, const Word& word);
/// The contents of a file that is a page; told when it cannot be read.
std::string read_page_file(Reading& r, const Word& word, const std::string& path);
/// STATUS [TEXT|@FILE] from word `from` on; answers the number of words taken.
std::size_t read_respond(Reading& r, const Statement& s, std::size_t from, RespondDecl& out);
/// URL [STATUS] from word `from` on; answers the number of words taken.
std::size_t read_redirect(Reading& r, const Statement& s, std::size_t from, std::string& url,
                          std::uint16_t& status);
/// v1 or v2, after the word.
SendProxy read_send_proxy(Reading& r, const Statement& s, const Scope& scope);
std::string content_type(std::string_view path, std::string_view otherwise);

#define WEIR_READ_Duration(name)
#define WEIR_READ_Bytes(name)
#define WEIR_READ_Rate(name)
#define WEIR_READ_Count(name)
#define WEIR_READ_Percent(name)
#define WEIR_READ_Switch(name)
#define WEIR_READ_Words(name) void read_##name(Reading& r, const Statement& s, Scope& scope);
#define OPTION(type, name, text, min, max, flags, line, prose) WEIR_READ_##type(name)
#include "config/options.def"
#undef OPTION

/// What `compress` comes to for each forward, site and route, from its words and its cache's
/// (read_compress.cc). The names of caches are resolved.
void resolve_compress(Reading& r);

/// Users and groups where nobody logs in (read_users.cc). The names of users are resolved.
void check_users(Reading& r);

/// Rules about the certificates of clients that are asked for none (check_client_cert.cc).
void check_client_cert(Reading& r);

/// What is wrong with an l4, and with words that are for one only (check_l4.cc).
void check_l4(Reading& r);

/// What cannot be seen in one statement: names used and declared, listeners, what is unreachable
/// (check.cc).
void check(Reading& r);

} // namespace weir::config
