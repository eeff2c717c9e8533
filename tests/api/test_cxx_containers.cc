// Containers, strings, shared pointers and exceptions in several threads, with objects handed from one to another.
//
// SPDX-License-Identifier: MIT
#include "../support/check.h"

#include <cstdlib>
#include <deque>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

struct failure : std::runtime_error {
    failure(const std::string &what, std::vector<int> trail) : std::runtime_error(what), path(std::move(trail))
    {
    }
    std::vector<int> path;
};

// Throws from `depth` frames down, with strings and vectors alive in every frame.
int descend(int depth, std::vector<int> trail)
{
    std::string local(static_cast<std::size_t>(depth) * 37 + 1, 'x');
    trail.push_back(depth);
    if (depth == 0)
        throw failure("bottom " + local, trail);
    return descend(depth - 1, trail) + static_cast<int>(local.size());
}

long exceptions(unsigned seed)
{
    long sum = 0;
    for (unsigned i = 0; i < 400; i++) {
        const int depth = static_cast<int>((seed + i) % 30);
        try {
            sum += descend(depth, {});
        } catch (const failure &f) {
            CHECK(f.path.size() == static_cast<std::size_t>(depth) + 1);
            CHECK(std::string(f.what()) == "bottom x");
            sum += f.path.front();
        }
    }
    return sum;
}

long containers(unsigned seed)
{
    std::mt19937 random(seed);
    std::map<std::string, std::vector<int>> tree;
    std::unordered_map<int, std::unique_ptr<std::string>> table;
    std::deque<std::list<int>> queue;
    std::set<std::string> words;
    long sum = 0;
    for (int i = 0; i < 20000; i++) {
        const int key = static_cast<int>(random() % 2000);
        const std::string name = "key of a length that needs the heap " + std::to_string(key);
        tree[name].push_back(key);
        if (random() % 3 == 0)
            tree.erase(name);
        table[key] = std::make_unique<std::string>(name);
        if (random() % 4 == 0)
            table.erase(static_cast<int>(random() % 2000));
        queue.push_back(std::list<int>(random() % 20, key));
        if (queue.size() > 300)
            queue.pop_front();
        words.insert(name.substr(random() % 30));
        sum += key;
    }
    for (const auto &entry : tree) {
        for (const int value : entry.second)
            CHECK(entry.first == "key of a length that needs the heap " + std::to_string(value));
    }
    for (const auto &entry : table)
        CHECK(*entry.second == "key of a length that needs the heap " + std::to_string(entry.first));
    return sum;
}

class exchange
{
  public:
    void put(std::shared_ptr<std::vector<std::string>> value)
    {
        const std::lock_guard<std::mutex> guard(lock);
        values.push_back(std::move(value));
    }
    std::shared_ptr<std::vector<std::string>> take()
    {
        const std::lock_guard<std::mutex> guard(lock);
        if (values.empty())
            return nullptr;
        auto value = values.front();
        values.pop_front();
        return value;
    }

  private:
    std::mutex lock;
    std::deque<std::shared_ptr<std::vector<std::string>>> values;
};

// Each thread fills vectors and frees those of others.
void hand_over(exchange &market, unsigned seed)
{
    std::mt19937 random(seed);
    for (int i = 0; i < 5000; i++) {
        auto made = std::make_shared<std::vector<std::string>>();
        for (auto j = random() % 40; j > 0; j--)
            made->push_back(std::string(random() % 300, static_cast<char>('a' + j % 26)));
        market.put(made);
        const auto taken = market.take();
        if (!taken)
            continue;
        for (const auto &text : *taken)
            CHECK(text.find_first_not_of(text.empty() ? 'a' : text[0]) == std::string::npos);
    }
}

void threads_with_containers_and_exceptions()
{
    for (int round = 0; round < 3; round++) {
        exchange market;
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < 6; i++) {
            threads.emplace_back([i, &market] {
                CHECK(containers(i) == containers(i));
                CHECK(exceptions(i) == exceptions(i));
                hand_over(market, i);
            });
        }
        for (auto &thread : threads)
            thread.join();
    }
}

// An exception that crosses threads is freed by the one that catches it.
void exceptions_across_threads()
{
    for (int i = 0; i < 300; i++) {
        auto result = std::async(std::launch::async, [i] { return descend(i % 20, {}); });
        bool caught = false;
        try {
            result.get();
        } catch (const failure &f) {
            caught = true;
            CHECK(f.path.back() == 0);
        }
        CHECK(caught);
    }
}

void streams()
{
    std::ostringstream text;
    for (int i = 0; i < 50000; i++)
        text << i << ' ';
    std::istringstream back(text.str());
    int value = 0;
    int expected = 0;
    while (back >> value)
        CHECK(value == expected++);
    CHECK(expected == 50000);
}

thread_local std::vector<std::string> of_this_thread;
std::vector<std::string> of_the_program = {"made before main, freed after it", "in a vector"};

void thread_local_objects()
{
    for (int i = 0; i < 200; i++) {
        std::thread([i] {
            of_this_thread.assign(static_cast<std::size_t>(i % 50), std::string(100, 'q'));
            of_this_thread.emplace_back("destroyed when the thread ends");
        }).join();
    }
}

} // namespace

int main()
{
    RUN(threads_with_containers_and_exceptions);
    RUN(exceptions_across_threads);
    RUN(streams);
    RUN(thread_local_objects);
    of_the_program.emplace_back(1000, 'z');
    return 0;
}
