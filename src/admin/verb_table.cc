// SPDX-License-Identifier: Apache-2.0
#include "admin/verb_table.h"

#include <algorithm>
#include <array>

namespace weir::admin {
namespace {

using Kind = ArgumentKind;

constexpr Argument kFile = {"file", Kind::word,
                            "FILE", false,
                            true,   "the configuration; without it the one the daemon reads"};
constexpr Argument kDryRun = {"dry_run", Kind::flag, "",
                              false,     false,      "only say what would happen"};
constexpr Argument kOffline = {"config", Kind::option,
                               "FILE",   false,
                               true,     "ask no daemon: take everything from this configuration"};

constexpr std::array kTest = {kFile};
constexpr std::array kShow = {
    kFile, Argument{"effective", Kind::flag, "", false, false, "the defaults as well"}};
constexpr std::array kFmt = {
    kFile, Argument{"write", Kind::flag, "", false, true, "write it back into FILE"}};
constexpr std::array kTail = {Argument{"filter", Kind::words, "FILTER", false, false,
                                       "status >= 500 and host = *.example.com"}};
constexpr std::array kSql = {
    Argument{"query", Kind::words, "SELECT", true, false, "one SELECT on the table `access`"},
    Argument{"directory", Kind::option, "FOLDER", false, true,
             "ask no daemon: read the log in this folder"},
    kOffline};
constexpr std::array kReq = {
    Argument{"id", Kind::word, "ID", true, false, "request id, as an error page shows it"},
    Argument{"directory", Kind::option, "FOLDER", false, true,
             "ask no daemon: read the log in this folder"},
    kOffline};
constexpr std::array kExplain = {
    Argument{"url", Kind::word, "URL", true, false, "what would be asked for"},
    Argument{"client", Kind::option, "ADDRESS", false, false, "of the client; else 127.0.0.1"},
    Argument{"user", Kind::option, "NAME", false, false, "who has logged in"},
    Argument{"client-cert", Kind::list, "NAME", false, false,
             "the subject of the client's certificate, or a name in it"},
    Argument{"at", Kind::option, "TIME", false, false, "2026-11-21T10:30, in UTC; else now"},
    Argument{"method", Kind::option, "METHOD", false, false,
             "else GET; CONNECT for https through a forward"},
    Argument{"header", Kind::list, "'NAME: VALUE'", false, false, "a field of the request"},
    Argument{"address", Kind::list, "ADDRESS", false, false, "what the host resolves to"},
    Argument{"forward", Kind::option, "NAME", false, false, "only as a request to this forward"},
    Argument{"site", Kind::option, "NAME", false, false, "only as a request to this site"},
    kOffline};
constexpr std::array kCacheGet = {
    Argument{"url", Kind::word, "URL", true, false, "what would be asked for"},
    Argument{"method", Kind::option, "METHOD", false, false, "else GET"},
    Argument{"header", Kind::list, "'NAME: VALUE'", false, false, "a field of the request"},
    Argument{"client", Kind::option, "ADDRESS", false, false, "of the client; else 127.0.0.1"},
    Argument{"user", Kind::option, "NAME", false, false, "who has logged in"},
    Argument{"client-cert", Kind::list, "NAME", false, false,
             "the subject of the client's certificate, or a name in it"},
    Argument{"forward", Kind::option, "NAME", false, false, "only as a request to this forward"},
    Argument{"site", Kind::option, "NAME", false, false, "only as a request to this site"}};
constexpr std::array kRoutes = {
    Argument{"site", Kind::word, "SITE", false, false, "only of this host"}, kOffline};
constexpr std::array kCacheShow = {
    Argument{"url", Kind::word, "URL", true, false, "whose stored responses"}};
constexpr std::array kCacheLs = {
    Argument{"where", Kind::words, "WHERE", false, false, "host = *.example.com and size > 1MB"},
    Argument{"by", Kind::option, "ORDER", false, false, "url, size, age, ttl, hits or saved"},
    Argument{"limit", Kind::option, "NUMBER", false, false, "how many are told"}};
constexpr std::array kCacheWarm = {
    Argument{"source", Kind::word, "log|FILE|-", false, false,
             "what clients asked for most, or a file with a URL a line (-: standard input)"},
    Argument{"url", Kind::list, "URL", false, false, "this one as well"},
    Argument{"since", Kind::option, "TIME", false, false, "log: of the last 12h, 7d; else 1d"},
    Argument{"where", Kind::option, "FILTER", false, false, "log: only such rows, as for tail"},
    Argument{"limit", Kind::option, "NUMBER", false, false, "the first so many; else 1000"},
    Argument{"rate", Kind::option, "NUMBER/s", false, false, "at most so many a second; else 10/s"},
    Argument{"busy", Kind::option, "NUMBER", false, false,
             "wait while more requests of clients are in work; else 8"},
    Argument{"header", Kind::list, "'NAME: VALUE'", false, false, "a field of each request"},
    Argument{"client", Kind::option, "ADDRESS", false, false, "in whose name; else 127.0.0.1"},
    Argument{"forward", Kind::option, "NAME", false, false, "only by this forward"},
    Argument{"site", Kind::option, "NAME", false, false, "only by this site"},
    Argument{"status", Kind::flag, "", false, false, "only say how far it is"},
    Argument{"stop", Kind::flag, "", false, false, "end the one under way"},
    Argument{"wait", Kind::flag, "", false, true, "until it is over"},
    kDryRun};
constexpr std::array kPurge = {
    Argument{"url", Kind::words, "URL|WHERE", true, false,
             "http://HOST/PATH, with * at its end all that begins so; or tag = sku-17"},
    Argument{"hard", Kind::flag, "", false, false, "drop it; else it is stale, and validated"},
    Argument{"place", Kind::option, "NAME", false, false,
             "only what this forward or site has stored"},
    Argument{"wait", Kind::flag, "", false, false, "until it is carried out everywhere"}, kDryRun};
constexpr std::array kLookup = {
    Argument{"what", Kind::word, "HOST|IP", true, false, "what is looked for"}, kOffline};
constexpr std::array kLimitTop = {
    Argument{"name", Kind::word, "NAME", true, false, "of the limit"},
    Argument{"limit", Kind::option, "NUMBER", false, false, "how many are told; else 20"}};
constexpr std::array kLimitReset = {
    Argument{"name", Kind::word, "NAME", true, false, "of the limit"},
    Argument{"key", Kind::words, "KEY", false, false, "as limit top tells it; else all of them"}};
constexpr Argument kUser = {"name", Kind::word, "NAME", true, false, "of the user"};
constexpr Argument kUserFile = {"file", Kind::option, "FILE",
                                false,  true,         "the file of users itself"};
constexpr Argument kUserConfig = {"config", Kind::option,
                                  "FILE",   false,
                                  true,     "its users; without it those of /etc/weir/weir.conf"};
constexpr Argument kUsers = {"users", Kind::option, "NAME",
                             false,   true,         "which, if a configuration has several"};
constexpr std::array kUserLs = {kUserFile, kUserConfig, kUsers};
constexpr std::array kUserAdd = {
    kUser,     Argument{"group", Kind::option, "A,B", false, false, "the groups of the user"},
    kUserFile, kUserConfig,
    kUsers,    kDryRun};
constexpr std::array kUserPasswd = {kUser, kUserFile, kUserConfig, kUsers, kDryRun};
constexpr std::array kUserTest = {kUser, kUserFile, kUserConfig, kUsers};
constexpr std::array kCertLs = {kOffline};
constexpr std::array kReload = {kDryRun};
constexpr std::array kStop = {
    Argument{"now", Kind::flag, "", false, false, "do not wait for responses under way"},
    Argument{"wait", Kind::flag, "", false, true, "return when the daemon has ended"}, kDryRun};

constexpr std::array kVerbs = {
    Verb{"config", "test", Access::view, true, "check a configuration, tell every mistake",
         "Prints each mistake with file, line and column, the line itself, a caret and what would "
         "be "
         "right. Warnings do not make it fail. With FILE no daemon is needed.",
         kTest},
    Verb{"config", "show", Access::view, true, "what is in force, and where it was written",
         "Without FILE that is what the daemon has in force. With --effective every default stands "
         "there too.",
         kShow},
    Verb{"config", "fmt", Access::view, true, "print a configuration in its canonical form",
         "Comments stay; formatting what was formatted changes nothing.", kFmt},
    Verb{
        "explain", "", Access::view, true, "why a request is answered as it is; sends nothing",
        "Prints for each way in which the daemon can be asked for the URL (through a forward, as a "
        "site) the route, every rule tried with its conditions and why they held or not, the list "
        "and its line, the verdict, what the cache has, and the servers. The rules are asked as "
        "for a live request. A name is not resolved: rules about the addresses of a destination "
        "wait for --address.",
        kExplain},
    Verb{"status",
         "",
         Access::view,
         false,
         "one page about the running daemon",
         "Uptime, generation, listeners, connections, hit ratio, rates of the last minute, tiers, "
         "pools, log.",
         {}},
    Verb{"routes", "", Access::view, true, "routes in the order in which they are asked",
         "Names those that no request can reach, and why.", kRoutes},
    Verb{"tail", "", Access::view, false, "one line a request, as they end",
         "Until interrupted. FILTER is `field op value` joined by and, or, not; the fields are the "
         "columns of weir-log(7). Lines that a slow reader loses are counted and told.",
         kTail},
    Verb{"log", "sql", Access::view, true, "a SELECT over the access log",
         "The table `access` has the columns of weir-log(7), over all partitions. Bounds on time "
         "open only the partitions they touch. The daemon gives an answer a minute and 32 MB; with "
         "--directory or --config weirctl reads the files itself, without bounds.",
         kSql},
    Verb{"log", "req", Access::view, true, "one request by its id, all columns",
         "The id is on every error page, and in X-Request-Id where the site has that header.",
         kReq},
    Verb{"cache",
         "stat",
         Access::view,
         false,
         "use of each cache's memory and disk",
         "Bytes, entries, evictions, and the state of the disk tier.",
         {}},
    Verb{
        "cache", "get", Access::view, false, "what a request would find, and why; sends nothing",
        "For each way in which the daemon can be asked for the URL: the key and what came into it, "
        "what is stored under it and which variant matches (of the others, the fields that "
        "differ), the arithmetic of its freshness, and what would come of the request: hit, stale, "
        "validate, miss, pass or refused. It is decided by what decides live requests, and changes "
        "nothing.",
        kCacheGet},
    Verb{"cache", "show", Access::view, false, "what is stored for a URL",
         "Every variant in every cache, in memory and on disk: status, age, freshness, size.",
         kCacheShow},
    Verb{"cache", "ls", Access::view, false, "what is stored, of all that or WHERE",
         "WHERE is as for purge. Everything that matches is counted, the first 100 are told: by "
         "URL, or the most first --by size, age, ttl, hits or saved (bytes that came from memory "
         "instead of the origin). Hits are counted since a response came into memory.",
         kCacheLs},
    Verb{"cache", "top", Access::view, false, "the stored responses that are found most often",
         "The same as cache ls --by hits, of which 20 are told.", kCacheLs},
    Verb{"cache",
         "verify",
         Access::operate,
         false,
         "read everything on disk and compare its checksums",
         "In the background, behind the traffic. What is damaged is removed, counted, and told in "
         "the error log; the answer is then a failure. While it runs weir serves as ever.",
         {}},
    Verb{"cache", "warm", Access::operate, false, "fetch what is not stored fresh, in idle time",
         "Each URL that a request would not find fresh (as cache get tells) is fetched by weir "
         "itself, as a request like any other: rules, limits, key and Vary hold, and the log has a "
         "row of kind warm. `log` means the URLs that clients asked for most and that a cache may "
         "answer, each through the site or forward that it came by; of a list a site that has the "
         "host goes before a forward. Without --header 'Accept-Encoding: gzip, br' an origin that "
         "varies by it gives what few browsers ask for. Four at a time at most, only while clients "
         "keep weir less "
         "busy than --busy says, over reloads too. One runs at a time; --status and --wait tell "
         "what was found, was fresh, was skipped (no cache may answer it), fetched, failed and is "
         "left.",
         kCacheWarm},
    Verb{"purge", "", Access::operate, false, "make what is stored stale, or drop it",
         "A URL means all its variants. WHERE is `field op value` joined by and, or, not: host = "
         "shop.example and age > 1h and mime = image/*. Its fields are url, scheme, host, port, "
         "path, place, status, mime, size, age, ttl, tag and etag. What is named becomes stale: it "
         "is validated before it is served, and may stand in where stale-while-revalidate or "
         "stale-if-error allow it. With --hard it goes. A purge is recorded before it is "
         "acknowledged, so that it outlives a crash, and is in force from then on; a walk over "
         "memory and disk carries it out behind.",
         kPurge},
    Verb{"purge",
         "log",
         Access::view,
         false,
         "the purges, numbered, and how far they are",
         "Those of this run of the daemon, and those that the last one left unfinished.",
         {}},
    Verb{"list", "lookup", Access::view, true, "which lists hold a host or an address",
         "With the line of the file that says so. Ends with 1 when no list does.", kLookup},
    Verb{"limit",
         "ls",
         Access::view,
         false,
         "the limits, and what they have done",
         "What each counts by and gives; the keys that are in use now; since the start the "
         "requests that it refused, those beyond its quota and tunnels cut by it, and the bytes "
         "that waited for its bandwidth.",
         {}},
    Verb{"limit", "top", Access::view, false, "the keys of a limit that use the most of it",
         "Of a rate how many requests would be let through now, and when all of the burst is "
         "there again; of a quota what is used and left; of a bandwidth how long a byte asked for "
         "now would wait. Of a key of a limit that has a rate alone the first 47 characters are "
         "known.",
         kLimitTop},
    Verb{"limit", "reset", Access::operate, false, "let the keys of a limit begin anew",
         "Nothing of the rate and the quota is used any more, and nobody waits for what was sent.",
         kLimitReset},
    Verb{"user", "ls", Access::view, true, "the users of a file, with their groups",
         "With the kind of each hash.", kUserLs},
    Verb{"user", "add", Access::view, true, "a user, with a password, into a file",
         "The password is asked for twice at a terminal, without echo, or is a line of standard "
         "input. Its hash is one of bcrypt, which other programs with such files take as well. The "
         "file is replaced at once, keeps its owner, and is readable by owner and group alone; one "
         "that is not there is made. A reload puts it in force.",
         kUserAdd},
    Verb{"user", "passwd", Access::view, true, "another password for a user",
         "As user add. Whoever has logged in with the old one is asked again after the reload.",
         kUserPasswd},
    Verb{"user", "test", Access::view, true, "whether a password is the one of a user",
         "Ends with 1 when it is not.", kUserTest},
    Verb{"cert", "ls", Access::view, true, "certificates of the listeners, and when they end",
         "Listener, names, kind of key, file, and the days that are left. From 21 days before its "
         "end a certificate is told in the error log once a day, and counted in a metric.",
         kCertLs},
    Verb{"reload", "", Access::operate, false, "put the changed configuration in force",
         "A file with a mistake changes nothing and is answered with its mistakes. Requests and "
         "tunnels under way go on.",
         kReload},
    Verb{"stop", "", Access::admin, false, "end the daemon when its responses have ended",
         "New connections are refused at once; what is under way has the grace time of the "
         "configuration.",
         kStop},
    Verb{"version", "", Access::view, false, "versions of weirctl and the daemon", "", {}},
};

} // namespace

std::string_view name(Access access) noexcept {
  switch (access) {
  case Access::none:
    return "none";
  case Access::view:
    return "view";
  case Access::operate:
    return "operate";
  case Access::admin:
    return "admin";
  }
  return "";
}

int http_status(Exit exit) noexcept {
  switch (exit) {
  case Exit::ok:
    return 200;
  case Exit::failed:
    return 422;
  case Exit::usage:
    return 400;
  case Exit::unreachable:
    return 503;
  case Exit::refused:
    return 403;
  case Exit::timed_out:
    return 504;
  }
  return 500;
}

std::string Verb::words() const {
  std::string text(noun);
  return verb.empty() ? text : text.append(" ").append(verb);
}

std::string Verb::path() const {
  std::string text = std::string("/v1/").append(noun);
  return verb.empty() ? text : text.append("/").append(verb);
}

std::span<const Verb> verbs() noexcept { return kVerbs; }

const Verb* find_verb(std::string_view noun, std::string_view verb) noexcept {
  for (const Verb& each : kVerbs) {
    if (each.noun == noun && each.verb == verb) {
      return &each;
    }
  }
  return nullptr;
}

const Verb* find_path(std::string_view path) noexcept {
  constexpr std::string_view kRoot = "/v1/";
  if (!path.starts_with(kRoot)) {
    return nullptr;
  }
  path.remove_prefix(kRoot.size());
  std::size_t slash = path.find('/');
  std::string_view verb = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  if (slash != std::string_view::npos && verb.empty()) {
    return nullptr;
  }
  return find_verb(path.substr(0, slash), verb);
}

std::string option_name(const Argument& argument) {
  std::string text = std::string("--").append(argument.name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::vector<std::string_view> nouns() {
  std::vector<std::string_view> all;
  for (const Verb& each : kVerbs) {
    if (std::find(all.begin(), all.end(), each.noun) == all.end()) {
      all.push_back(each.noun);
    }
  }
  return all;
}

} // namespace weir::admin
