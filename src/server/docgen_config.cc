// SPDX-License-Identifier: Apache-2.0
//
// weir.conf(5) and the sample, from config/options.def.
#include <fmt/format.h>

#include "config/options.h"
#include "server/docgen.h"

namespace weir::server {
namespace {

using namespace config::flag; // NOLINT: the places
using config::Flags;
using config::Row;
using config::Type;

struct Section {
  Flags place;
  std::string_view title;
  std::string_view open; // how the block begins in the sample; empty: not in a block
  std::string_view intro;
};
constexpr Section kSections[] = {
    {TOP, "The top", "",
     "What stands outside of all blocks. Values said here hold in every block that does not say "
     "its own."},
    {LOG, "Log", "log {",
     "The access log, one row a request, and the error log. These words may follow each other on "
     "one line."},
    {ADMIN, "Admin", "admin {",
     "How weir is watched and commanded. These words may follow each other on one line."},
    {DNS, "Dns", "dns {", "How the names of origins are resolved."},
    {CACHE, "Cache", "cache main {",
     "A cache is declared once, by name, and used by any number of forwards, sites and routes. A "
     "stored response belongs to the forward or site that fetched it, unless the cache is shared."},
    {MEMORY, "Memory", "    memory SIZE ...", "After the word memory of a cache."},
    {DISK, "Disk", "    disk PATH SIZE ...", "After the word disk of a cache."},
    {USE, "Use: how a cache is used", "    cache NAME ...",
     "After the name in cache NAME of a forward, a site or a route, or there as statements of "
     "their own. What a site says holds for its routes."},
    {LIST, "List", "list ads {",
     "A list of hosts or of client addresses, for the condition list. It is read at load; a file "
     "that cannot be read is an error. These words may follow each other on one line."},
    {USERS, "Users", "users staff {",
     "Who may log in, for auth of forwards, sites and routes. These words may follow each other on "
     "one line."},
    {WHEN, "When", "when work {",
     "A schedule, for the condition when. These words may follow each other on one line."},
    {LIMIT, "Limit", "limit login {",
     "How many requests there may be of one kind, for the statement limit of routes and rules. All "
     "workers count together, and go on counting over a reload. Answers have the fields "
     "RateLimit-Policy and RateLimit. These words may follow each other on one line."},
    {POOL, "Pool", "pool app {", "Origin servers that answer for routes."},
    {SERVER, "Server", "    server HOST:PORT ...", "After the word server of a pool."},
    {CHECK, "Check", "    check GET /PATH ...", "After the word check of a pool."},
    {FORWARD, "Forward: a forward proxy", "forward lan {",
     "A forward proxy: what clients that know of weir ask it to fetch for them. When no rule "
     "matches, the request is denied. A forward that listens on more than loopback and has a rule "
     "that allows any client is refused, unless it says open-proxy yes."},
    {PRIVATE, "Private", "    private deny ...", "After the words private deny."},
    {SITE, "Site: a reverse proxy", "site www.example.com {",
     "A reverse proxy: weir answers in the place of these hosts. When no rule matches, the request "
     "is allowed."},
    {LISTEN, "Listen", "    listen ADDRESS:PORT ...", "After the addresses of a listener."},
    {L4, "L4: TCP connections and UDP datagrams", "l4 db {",
     "What comes on its listeners is passed on to a server of a pool, byte for byte or datagram by "
     "datagram, whatever the protocol; a half-close of TCP passes too. The words of a tunnel hold "
     "for it. When no rule matches, the connection or UDP session is allowed."},
    {ROUTE, "Route", "    route / {",
     "What happens to the paths of a site. The longest path wins, whatever the order; weirctl "
     "routes prints the order in force."},
    {RULES, "Rules", "    rules {",
     "An ordered list: weir asks the rules from the first to the last and does what the first that "
     "matches says; report and cache go on. A rule is an action, then conditions. The values of "
     "one condition are alternatives; several conditions have to hold together. Those after "
     "unless, if they all hold, keep the rule from matching. A rule without conditions always "
     "matches."},
    {ARGUMENT, "Words of a rule", "        deny ...",
     "What may stand in a rule beside its conditions."},
    {CONDITION, "Conditions", "        allow ...",
     "What a rule may ask. An expression is written after a tilde and a space, in the syntax of "
     "RE2, and is searched for; everything else is compared exactly."},
};

constexpr std::string_view kDescription =
    R"(The configuration of weir is one file, which may include others. Without an option weir reads /etc/weir/weir.conf. Check a file before it is used with weirctl config test: it prints every mistake at once, with its place and what would be right. weirctl config fmt prints the canonical form, weirctl config show every value with the line that says it.

A statement is a line of words; a semicolon ends it too. Some statements have a block of statements in braces. A brace stands alone, with white space around it. A number sign at the beginning of a word begins a comment. A word with white space or signs in it stands in double quotes; inside them a quote is written \", a backslash before another letter stands for itself. A backslash at the end of a line joins the next line to it.

${NAME} stands for the value of an environment variable, read at load; it is always one word or part of one. @FILE stands for the contents of a file. A relative path starts from the folder of the file it stands in.

Order matters only inside of rules. What stands in a block is added to what stands around it; where two say the same word, the inner one is in force. In words that make a list, -X takes away one value and !reset all of them.

Units are always written. A time has ms, s, min, h, d or w; a size B, KB, MB, GB, TB or PB, each 1024 times the one before; a share has the sign %.

A host is written example.com for itself, *.example.com for its subdomains, .example.com for both. A path is a prefix on the borders of its segments, or a glob in which * stands for any characters and ? for one.

A word that weir knows of and does not carry out in this version is an error, never ignored.)";

constexpr std::string_view kExample = R"(cache main {
    memory 1GB
    disk   /var/cache/weir 200GB
}
list ads { file lists/hosts.txt format hosts }
pool app {
    server 192.0.2.11:8080 weight 3
    server 192.0.2.12:8080
}
forward lan {
    listen 10.0.0.1:3128
    cache  main
    rules {
        deny  list ads
        allow client 10.0.0.0/8
        deny  all
    }
}
site www.example.com {
    listen 0.0.0.0:80
    route / { cache main; pool app }
}
)";

std::string places_of(const Row& row) {
  std::string places;
  for (const Section& section : kSections) {
    if (row.stands_in(section.place)) {
      places += fmt::format("{}{}", places.empty() ? "" : ", ",
                            section.place == TOP ? "the top" : config::place_name(section.place));
    }
  }
  return places;
}

bool several_places(const Row& row) {
  const Flags places = row.flags & PLACES;
  return (places & (places - 1)) != 0;
}

std::string_view value_of(const Row& row) {
  switch (row.type) {
  case Type::duration:
    return "TIME";
  case Type::bytes:
    return "SIZE";
  case Type::rate:
    return "N/s";
  case Type::count:
    return "NUMBER";
  case Type::percent:
    return "SHARE";
  case Type::flag:
    return "yes|no";
  case Type::words:
    break;
  }
  return row.text;
}

/// What is known of a row beside its prose.
std::string facts_of(const Row& row) {
  std::string facts;
  if (row.type != Type::words) {
    facts += fmt::format("Default: {}", row.text);
    if (!row.min.empty()) {
      facts += fmt::format("; from {} to {}", row.min, row.max);
    }
    if (row.has(NONE) && row.text != "none") {
      facts += ", or none";
    }
    facts += ". ";
  } else if (!row.min.empty()) {
    facts += fmt::format("From {} to {}. ", row.min, row.max);
  }
  if (several_places(row) && !row.has(BLOCK) && row.name != "include") {
    facts += fmt::format("Stands in: {}. ", places_of(row));
  }
  if (!row.has(RELOAD)) {
    facts += "Only a restart changes it. ";
  }
  return facts;
}

std::string capital(std::string_view line) {
  std::string out(line);
  out[0] = out[0] >= 'a' && out[0] <= 'z' ? static_cast<char>(out[0] - 'a' + 'A') : out[0];
  return out;
}

/// Where a row that stands in several places is described: the first section that has it.
bool described_in(const Row& row, const Section& section) {
  for (const Section& each : kSections) {
    if (row.stands_in(each.place)) {
      return &each == &section;
    }
  }
  return false;
}

void sample_row(std::string& out, const Row& row, std::string_view indent) {
  out += fmt::format("# {}# {}", indent, row.line);
  if (!row.min.empty()) {
    out += fmt::format(" ({} to {})", row.min, row.max);
  }
  const bool block = row.has(BLOCK);
  out += fmt::format("\n# {}{}{}{}\n", indent, row.word(), row.text.empty() ? "" : " ",
                     block && row.text == "{ ... }" ? "{ ... }" : row.text);
}

} // namespace

std::string config_page() {
  Mdoc page("weir.conf", "5", "configuration of the caching proxy weir");
  page.section("Description");
  page.text(kDescription);
  for (const Section& section : kSections) {
    page.section(section.title);
    page.text(section.intro);
    page.begin_list();
    std::string elsewhere;
    for (const Row& row : config::rows()) {
      if (!row.stands_in(section.place)) {
        continue;
      }
      if (!described_in(row, section)) {
        elsewhere += (elsewhere.empty() ? "" : ", ") + row.word();
        continue;
      }
      page.item(row.word(), value_of(row));
      page.text(capital(row.line) + ". " + std::string(row.prose));
      page.text(facts_of(row));
    }
    page.end_list();
    if (!elsewhere.empty()) {
      page.paragraph();
      page.text("Described above, and standing here too: " + elsewhere + ".");
    }
  }
  page.section("Files");
  page.begin_list();
  page.item("/etc/weir/weir.conf", "");
  page.text("The configuration.");
  page.item("/etc/weir/weir.conf.sample", "");
  page.text("Every word of the language with its default.");
  page.end_list();
  page.section("Examples");
  page.literal(kExample);
  page.see_also("weir-log(7) weir-metrics(7) weir(8) weirctl(8)");
  return page.take();
}

std::string config_sample() {
  std::string out =
      "# Every word of weir's configuration language with its default or its form, and "
      "in brackets\n# its bounds. Made by docgen from config/options.def; "
      "weir.conf(5) says more.\n";
  for (const Section& section : kSections) {
    const bool block = section.open.substr(0, section.open.size()).ends_with("{");
    std::string indent(section.open.find_first_not_of(' ') == std::string_view::npos
                           ? 0
                           : section.open.find_first_not_of(' ') + 4,
                       ' ');
    out += fmt::format("\n# {}\n", std::string(78, '-'));
    out += section.open.empty() ? "# The top\n" : fmt::format("# {}\n", section.open);
    for (const Row& row : config::rows()) {
      if (row.stands_in(section.place) && (section.place == TOP || row.name != "include")) {
        sample_row(out, row, indent);
      }
    }
    if (block) {
      out += fmt::format("# {}}}\n", indent.substr(4));
    }
  }
  return out;
}

} // namespace weir::server
