// SPDX-License-Identifier: Apache-2.0
#include "log/sqlite_writer.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "metrics/metrics.h"
#include "sample.h"
#include "scratch.h"

using namespace weir;
using namespace weir::log;
using namespace weir::log::test;

namespace {

constexpr std::int64_t kStart = 1'795'255'200'000'000; // 2026-11-21 10:00:00
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

WriterSettings settings(const Scratch& scratch) {
  WriterSettings s;
  s.directory = scratch.dir();
  s.retention = {};
  s.retry = Duration(0);
  return s;
}

AccessRecord at(std::int64_t time, std::int64_t status = 200) {
  AccessRecord r;
  r.time = time;
  r.status = status;
  r.host = "example.com";
  r.end = "ok";
  return r;
}

std::vector<std::string> files(const Scratch& scratch) {
  std::vector<std::string> out;
  auto partitions = list_partitions(scratch.dir());
  REQUIRE(partitions.has_value());
  for (const auto& p : *partitions) {
    out.push_back(p.path);
  }
  return out;
}

/// One value from a file, by plain SQLite.
std::string plain(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  int rc = sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr);
  INFO(sqlite3_errmsg(db));
  REQUIRE(rc == SQLITE_OK);
  std::string out;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const auto* text = sqlite3_column_text(statement, i);
      out += text == nullptr ? "NULL" : reinterpret_cast<const char*>(text);
      out += i + 1 < sqlite3_column_count(statement) ? '|' : ';';
    }
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return out;
}

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("log writer: rows come out as they went in, by query and by the view of the file") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring(1);
  AccessRecord r = at(kStart + 42, 404);
  r.id = *RequestId::parse("0123456789abcdef");
  r.kind = "forward";
  r.place = "office";
  r.client = *Address::parse("10.0.0.1", 999);
  r.user = "anna";
  r.method = "GET";
  r.scheme = "http";
  r.port = 80;
  r.path = "/a b'c";
  r.query = "";
  r.cache = "miss";
  r.bytes_out = 5'000'000'000;
  r.ttfb = 17;
  r.origin = *Address::parse("2001:db8::1", 443);
  r.rule = "weir.conf:3 deny";
  r.list = "ads";
  r.user_agent = std::string_view("agent");
  ring.push(r);
  writer.flush();

  std::string expected =
      "2026-11-21 10:00:00.000042|0123456789abcdef|forward|office|10.0.0.1|anna|GET|"
      "http|example.com|80|/a b'c||404|miss||0|5000000000|17|0|0|[2001:db8::1]:443||||"
      "weir.conf:3 deny|ads||||||||ok|agent||||0|0";
  auto rows = ask(scratch.dir(), "SELECT * FROM access");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0] == expected);
  // Any SQLite tool, while weir writes.
  CHECK(plain(files(scratch).at(0), "SELECT * FROM access") ==
        expected + "|" + std::to_string(kStart + 42) + "|" + std::to_string((kStart + 42) << 10) +
            ";");
  auto status = writer.status();
  CHECK(status.rows == 1);
  CHECK(status.dropped == 0);
  CHECK(!status.failing);
  CHECK(status.lag == Duration(0));
  CHECK(status.partition == files(scratch).at(0));
}

TEST_CASE("log writer: schema and view have the columns of the table, in its order") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  writer.make_ring(1).push(at(kStart));
  writer.flush();
  std::string view;
  std::string layout = "at;";
  std::string common = "n;";
  for (const ColumnInfo& c : kColumnTable) {
    view += std::string(c.name) + ";";
    if (c.kind != Kind::time) {
      (in_common(c.kind) ? common : layout) += std::string(c.name) + ";";
    }
  }
  std::string file = files(scratch).at(0);
  CHECK(plain(file, "SELECT name FROM pragma_table_info('access')") == view + "time_us;at;");
  CHECK(plain(file, "SELECT name FROM layout ORDER BY n") == layout + "common;");
  CHECK(plain(file, "SELECT name FROM pragma_table_info('common')") == common);
  CHECK(plain(file, "PRAGMA page_size") == "8192;");
  CHECK(plain(file, "PRAGMA journal_mode") == "wal;");
  CHECK(plain(file, "SELECT count(*) FROM sqlite_schema WHERE type = 'index'") == "0;");
}

TEST_CASE("log writer: row ids never go back, whatever the clock does, over restarts too") {
  Scratch scratch;
  {
    SqliteWriter writer(settings(scratch));
    LogRing& ring = writer.make_ring(1);
    std::int64_t n = 0;
    for (std::int64_t time : {kStart, kStart, kStart + 5, kStart - kHour, kStart - 1, kStart + 9}) {
      ring.push(at(time, ++n));
      writer.flush(); // one batch each: within one, records are put in the order of time
    }
  }
  {
    SqliteWriter writer(settings(scratch));
    writer.make_ring(1).push(at(kStart - 5 * kHour, 7));
  }
  auto rows = ask(scratch.dir(), "SELECT status, time_us, rowid FROM access ORDER BY rowid");
  std::int64_t last = 0;
  REQUIRE(rows.size() == 7);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].front() == static_cast<char>('1' + i));
    std::int64_t id = std::stoll(rows[i].substr(rows[i].rfind('|') + 1));
    CHECK(id > last);
    last = id;
  }
  CHECK(rows[0] == "1|" + std::to_string(kStart) + "|" + std::to_string(kStart << 10));
  CHECK(rows[5] == "6|" + std::to_string(kStart + 9) + "|" + std::to_string((kStart + 9) << 10));
}

TEST_CASE("log writer: records of several workers are merged by time") {
  Scratch scratch;
  WriterSettings s = settings(scratch);
  s.interval = std::chrono::hours(1); // so that one batch sees them all
  SqliteWriter writer(s);
  LogRing& a = writer.make_ring(1);
  LogRing& b = writer.make_ring(1);
  for (int i = 0; i < 100; i += 2) {
    a.push(at(kStart + i));
  }
  for (int i = 1; i < 100; i += 2) {
    b.push(at(kStart + i));
  }
  writer.flush();
  CHECK(ask(scratch.dir(), "SELECT count(*), max(time_us) - min(time_us) FROM access "
                           "WHERE rowid & 1023 = 0")[0] == "100|99");
}

TEST_CASE("log writer: a partition an hour; a closed one is one file") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring(1);
  for (int i = 0; i < 4; ++i) {
    ring.push(at(kStart + i * kHour / 2));
  }
  ring.push(at(kStart + kHour / 2)); // back within the hour: no new partition
  writer.settle();
  auto partitions = files(scratch);
  REQUIRE(partitions.size() == 2);
  CHECK(partitions[0].ends_with("/access-20261121-100000-000000.db"));
  CHECK(partitions[1].ends_with("/access-20261121-110000-000000.db"));
  CHECK(plain(partitions[0], "PRAGMA user_version") == "2;");
  CHECK(plain(partitions[0], "PRAGMA journal_mode") == "delete;");
  CHECK(!std::filesystem::exists(partitions[0] + "-wal"));
  CHECK(plain(partitions[1], "PRAGMA journal_mode") == "wal;");
  CHECK(writer.status().partitions == 2);
  CHECK(writer.status().bytes > 16'384);
}

TEST_CASE("log writer: a partition is closed by its size and by its age") {
  Scratch scratch;
  WriterSettings s = settings(scratch);
  s.partition_bytes = 200'000;
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring(1);
  std::string path(2000, 'p');
  for (int i = 0; i < 400; ++i) {
    AccessRecord r = at(kStart + i);
    r.path = path;
    ring.push(r);
    if (i % 50 == 49) {
      writer.flush();
    }
  }
  writer.settle();
  CHECK(files(scratch).size() >= 3);
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access")[0] == "400");

  Scratch other;
  s = settings(other);
  s.partition_age = Duration(0);
  SqliteWriter aged(s);
  LogRing& slow = aged.make_ring(1);
  for (int i = 0; i < 3; ++i) {
    slow.push(at(kStart)); // the clock stands still
    aged.flush();
  }
  CHECK(files(other).size() == 3);
  CHECK(ask(other.dir(), "SELECT count(DISTINCT rowid) FROM access")[0] == "3");
}

/// SQL for rows as they stand in blocks, and for a value of one.
constexpr const char* kRows = "FROM block, json_each(block.rows) AS each";
std::string in_row(const std::string& name) {
  return fmt::format(
      "json_extract(each.value, '$[' || (SELECT n FROM layout WHERE name = '{}') || ']')", name);
}

TEST_CASE("log writer: blocks are full pages, and say where their rows begin and end") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring();
  constexpr int kMany = 2'000;
  for (int i = 0; i < kMany; ++i) {
    ring.push(at(kStart + 3 * i));
  }
  writer.flush();
  std::string file = files(scratch).at(0);
  CHECK(plain(file, "SELECT count(*) FROM block WHERE length(rows) > 8192") == "0;");
  CHECK(plain(file, "SELECT count(*) < 40, sum(json_array_length(rows)) FROM block") ==
        "1|" + std::to_string(kMany) + ";");
  CHECK(plain(file, fmt::format("SELECT count(*) FROM (SELECT first, last, max(first + "
                                "json_extract(each.value, '$[0]')) "
                                "AS most {} GROUP BY first) WHERE most <> last",
                                kRows)) == "0;");
  CHECK(plain(file,
              fmt::format("SELECT count(DISTINCT at), min(time_us), max(time_us) FROM access")) ==
        fmt::format("{}|{}|{};", kMany, kStart, kStart + 3 * (kMany - 1)));
}

TEST_CASE("log writer: a dictionary that is full leaves the texts in the rows") {
  Scratch scratch;
  WriterSettings s = settings(scratch);
  s.dictionary_cap = 3;
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring(1);
  std::vector<std::string> hosts;
  std::string longer(Partition::kLongestInDictionary + 1, 'x');
  for (int i = 0; i < 8; ++i) {
    hosts.push_back(std::to_string(i)); // looks like a number, and must stay a text
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 8; ++i) {
      AccessRecord r = at(kStart + round * 8 + i, i);
      r.host = hosts[static_cast<std::size_t>(i)];
      r.user_agent = longer;
      r.client = Address::v4({10, 0, 0, static_cast<std::uint8_t>(i)});
      ring.push(r);
    }
  }
  writer.flush();
  CHECK(ask(scratch.dir(),
            "SELECT count(*) FROM access WHERE host = status AND client = '10.0.0.' || "
            "status AND length(user_agent) = 257")[0] == "24");
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access WHERE host = '1'")[0] == "3");
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access WHERE host = '7'")[0] == "3");
  std::string file = files(scratch).at(0);
  for (std::string column : {"host", "client"}) {
    CHECK(plain(file, fmt::format("SELECT typeof({}), count(*) {} GROUP BY 1", in_row(column),
                                  kRows)) == "integer|9;text|15;");
  }
  CHECK(plain(file, "SELECT count(*) FROM access WHERE host = '' || status") == "24;");
}

TEST_CASE("log writer: what rows have in common stands once") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring();
  // Long words, so that what is remembered of them is full three times over.
  constexpr std::size_t kWord = 8'000;
  const std::size_t words = 3 * Partition::kCommonBytes / kWord;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < words; ++i) {
    rules.push_back(std::to_string(i) + std::string(kWord, 'x'));
  }
  std::int64_t time = kStart;
  for (const std::string& rule : rules) {
    for (std::int64_t status : {200, 200, 404, 404}) {
      AccessRecord r = at(++time, status);
      r.bytes_out = time;
      r.rule = rule;
      if (!ring.push(r)) {
        writer.flush();
        REQUIRE(ring.push(r));
      }
    }
  }
  AccessRecord again = at(++time);
  again.rule = rules.front(); // forgotten long ago
  ring.push(again);
  writer.flush();
  std::string file = files(scratch).at(0);
  auto n = std::to_string(2 * words + 1);
  CHECK(plain(file, "SELECT count(*) FROM common") == n + ";");
  CHECK(plain(file, fmt::format("SELECT count(*), count(DISTINCT {}) {}", in_row("common"),
                                kRows)) == std::to_string(4 * words + 1) + "|" + n + ";");
  CHECK(
      ask(scratch.dir(), "SELECT status, count(*), count(DISTINCT rule) FROM access GROUP BY 1") ==
      std::vector<std::string>{fmt::format("200|{}|{}", 2 * words + 1, words),
                               fmt::format("404|{}|{}", 2 * words, words)});
}

TEST_CASE("log writer: retention by age and bytes removes the oldest, never the open one") {
  std::vector<PartitionFile> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back({"p" + std::to_string(i), kStart + i * kHour, 100});
  }
  auto names = [&](Retention r, std::int64_t now, std::string_view open) {
    std::string out;
    for (const auto& p : expired(all, r, WallTime(Duration(now)), open)) {
      out += p.path;
    }
    return out;
  };
  CHECK(names({Duration(0), 0}, kStart + 1000 * kHour, "p4").empty());
  // p0 ends where p1 begins: it goes only when its last row is too old.
  CHECK(names({Duration(2 * kHour), 0}, kStart + 3 * kHour, "p4").empty());
  CHECK(names({Duration(2 * kHour), 0}, kStart + 3 * kHour + 1, "p4") == "p0");
  CHECK(names({Duration(kHour), 0}, kStart + 1000 * kHour, "p4") == "p0p1p2p3");
  CHECK(names({Duration(kHour), 0}, kStart + 1000 * kHour, "") == "p0p1p2p3");
  CHECK(names({Duration(0), 500}, kStart, "p4").empty());
  CHECK(names({Duration(0), 499}, kStart, "p4") == "p0");
  CHECK(names({Duration(0), 250}, kStart, "p4") == "p0p1p2");
  CHECK(names({Duration(0), 1}, kStart, "p4") == "p0p1p2p3");
  CHECK(names({Duration(0), 350}, kStart, "p0") == "p1p2");
}

TEST_CASE("log writer: retention is applied while it runs, and may change") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring(1);
  for (int i = 0; i < 5; ++i) {
    ring.push(at(kStart - 100'000 * kHour + i * kHour, i));
  }
  writer.settle();
  CHECK(files(scratch).size() == 5);
  writer.set_retention({std::chrono::hours(24), 0});
  writer.settle();
  CHECK(files(scratch).size() == 1);
  CHECK(ask(scratch.dir(), "SELECT status FROM access")[0] == "4");
  CHECK(writer.status().partitions == 1);
}

TEST_CASE("log writer: names of partitions") {
  CHECK(partition_name(kStart + 7) == "access-20261121-100000-000007.db");
  CHECK(parse_partition_name("access-20261121-100000-000007.db") == kStart + 7);
  for (const char* bad :
       {"access-20261121-100000-000007.db-wal", "access-20261131-100000-000007.db",
        "access-2026112a-100000-000007.db", "access-20261121_100000-000007.db", ""}) {
    CHECK(!parse_partition_name(bad));
  }
}

TEST_CASE("log writer: the directory goes and comes back") {
  Scratch scratch;
  metrics::Metrics numbers;
  WriterSettings s = settings(scratch);
  s.on_thread_start = [&numbers] { metrics::Counters::install(&numbers.make_counters()); };
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring(1);
  ring.push(at(kStart, 1));
  writer.flush();
  std::filesystem::remove_all(scratch.dir());
  for (int i = 0; i < 5; ++i) {
    ring.push(at(kStart + 1 + i, 2));
    writer.flush();
  }
  auto status = writer.status();
  CHECK(status.failing);
  CHECK(!status.last_error.empty());
  CHECK(status.rows == 1);
  CHECK(status.dropped == 5);
  CHECK(status.partition.empty());
  std::filesystem::create_directory(scratch.dir());
  ring.push(at(kStart + 10, 3));
  writer.flush();
  CHECK(!writer.status().failing);
  CHECK(ask(scratch.dir(), "SELECT status FROM access") == std::vector<std::string>{"3"});
  CHECK(numbers.value(metrics::Metric::log_rows) == 2);
  CHECK(numbers.value(metrics::Metric::log_dropped) == 5);
  CHECK(numbers.value(metrics::Metric::log_errors) > 0);
}

TEST_CASE("log writer: a full disk costs rows and nothing else") {
  Scratch scratch;
  SqliteWriter writer(settings(scratch));
  LogRing& ring = writer.make_ring(1);
  ring.push(at(kStart, 1));
  writer.flush();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit full{1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  for (int i = 0; i < 3; ++i) {
    ring.push(at(kStart + 1 + i, 2));
    writer.flush();
  }
  auto status = writer.status();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(status.failing);
  CHECK(status.dropped == 3);
  ring.push(at(kStart + 10, 3));
  writer.flush();
  CHECK(!writer.status().failing);
  CHECK(ask(scratch.dir(), "SELECT status FROM access") == std::vector<std::string>{"1", "3"});
}

TEST_CASE("log writer: at the end the rings are drained") {
  Scratch scratch;
  {
    SqliteWriter writer(settings(scratch));
    LogRing& ring = writer.make_ring();
    for (int i = 0; i < 20'000; ++i) {
      REQUIRE(ring.push(at(kStart + i)));
    }
  }
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access")[0] == "20000");
  CHECK(!std::filesystem::exists(files(scratch).at(0) + "-wal"));
}

TEST_CASE("log writer: a partition left by kill -9 is read, and finished by the next run") {
  Scratch scratch;
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  pid_t child = ::fork();
  if (child == 0) {
    SqliteWriter writer(settings(scratch));
    LogRing& ring = writer.make_ring();
    for (int i = 0; i < 5'000; ++i) {
      ring.push(at(kStart + i));
    }
    writer.flush();
    if (::write(pipe[1], "x", 1) < 0) {
      ::_exit(1);
    }
    for (;;) {
      ::pause();
    }
  }
  char byte = 0;
  REQUIRE(::read(pipe[0], &byte, 1) == 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(pipe[0]);
  ::close(pipe[1]);
  auto partitions = files(scratch);
  REQUIRE(partitions.size() == 1);
  CHECK(std::filesystem::exists(partitions[0] + "-wal"));
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access")[0] == "5000");
  SqliteWriter writer(settings(scratch));
  writer.make_ring(1).push(at(kStart + 6'000));
  writer.settle();
  CHECK(files(scratch).size() == 2);
  CHECK(!std::filesystem::exists(partitions[0] + "-wal"));
  CHECK(plain(partitions[0], "PRAGMA user_version") == "2;");
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access")[0] == "5001");
}

TEST_CASE("log writer: the JSON file, and reopening it") {
  Scratch scratch;
  WriterSettings s;
  s.json_path = scratch.path / "access.json";
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring(1);
  ring.push(at(kStart, 201));
  ring.push(at(kStart, 202));
  writer.flush();
  std::string text = slurp(s.json_path);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("\"status\":201") < text.find("\"status\":202"));
  std::filesystem::rename(s.json_path, scratch.path / "old.json");
  ring.push(at(kStart, 203));
  writer.flush();
  CHECK(slurp(scratch.path / "old.json").find("\"status\":203") != std::string::npos);
  writer.reopen();
  writer.flush(); // what is pushed at the same time may go to either file
  ring.push(at(kStart, 204));
  writer.flush();
  CHECK(slurp(s.json_path).find("\"status\":204") != std::string::npos);
  CHECK(slurp(s.json_path).find("\"status\":203") == std::string::npos);
}

TEST_CASE("log writer: live subscriptions get what their filter lets through, bounded") {
  Scratch scratch;
  WriterSettings s = settings(scratch);
  s.json_path = scratch.path / "access.json";
  SqliteWriter writer(s);
  LogRing& ring = writer.make_ring();
  FilterError why;
  Subscription errors(writer.subscriptions(), Filter::parse("status >= 500", WallTime{}, why), {});
  Subscription narrow(writer.subscriptions(), std::nullopt, {}, 1000);
  { Subscription gone(writer.subscriptions(), std::nullopt, {}); }
  for (int i = 0; i < 1000; ++i) {
    ring.push(at(kStart + i, i % 2 == 0 ? 200 : 500));
  }
  writer.flush();
  std::string lines = errors.take();
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 500);
  CHECK(lines.find("\"status\":200") == std::string::npos);
  CHECK(errors.take().empty());
  CHECK(errors.dropped() == 0);
  std::string few = narrow.take();
  CHECK(few.size() <= 1000);
  CHECK(!few.empty());
  CHECK(narrow.dropped() ==
        1000 - static_cast<std::uint64_t>(std::count(few.begin(), few.end(), '\n')));
  CHECK(ask(scratch.dir(), "SELECT count(*) FROM access")[0] == "1000");
  std::string json = slurp(s.json_path);
  CHECK(std::count(json.begin(), json.end(), '\n') == 1000);
}

TEST_CASE("log writer: many workers and a running log lose nothing and say each row once") {
  Scratch scratch;
  WriterSettings s = settings(scratch);
  s.json_path = scratch.path / "access.json";
  constexpr int kWorkers = 3;
  constexpr int kEach = 20'000;
  {
    SqliteWriter writer(s);
    std::vector<std::thread> workers;
    for (int w = 0; w < kWorkers; ++w) {
      LogRing& ring = writer.make_ring();
      workers.emplace_back([&ring, w] {
        for (int i = 0; i < kEach; ++i) {
          AccessRecord r = at(kStart + i, i);
          r.worker = w;
          ring.push(r);
        }
      });
    }
    writer.flush();
    for (auto& t : workers) {
      t.join();
    }
    writer.flush();
    CHECK(writer.status().dropped == 0);
  }
  CHECK(ask(scratch.dir(),
            "SELECT worker, count(*), count(DISTINCT status), max(status) FROM access "
            "GROUP BY worker") == std::vector<std::string>{"0|20000|20000|19999",
                                                           "1|20000|20000|19999",
                                                           "2|20000|20000|19999"});
  std::string json = slurp(s.json_path);
  CHECK(std::count(json.begin(), json.end(), '\n') == kWorkers * kEach);
}
