using System.Text.Json;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Changes;

public sealed class ChangeFeedTests
{
    private const long First = 1_000_000;

    private TestServer _server = null!;
    private ChangeFeed _feed = null!;

    [SetUp]
    public void Start()
    {
        _server = new TestServer();
        _server.Time.SetUtcNow(new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero));
        _feed = new ChangeFeed(_server.Time, First);
        _feed.Map(_server.Server, [TestServer.Version]);
        _server.Start();
    }

    [TearDown]
    public void Stop() => _server.Dispose();

    [Test]
    public void A_change_carries_number_time_kind_subject_and_fields()
    {
        _feed.Publish("issued", "device-ca", ("id", "device-ca"), ("url", "https://h/x"), ("absent", null));
        using var client = _server.Connect();
        var answer = client.Ask(Changes("after=0"));
        Assert.That(answer.Body, Is.EqualTo(
            $$"""{"next":{{First}},"changes":[{"seq":{{First}},"time":"2026-01-02T03:04:05.678Z","kind":"issued","subject":"device-ca","id":"device-ca","url":"https://h/x"}]}"""));
    }

    [Test]
    public void Only_later_changes_are_told_and_next_leads_on()
    {
        using var client = _server.Connect();
        var (next, changes, _) = Ask(client, "after=0");
        Assert.That(changes, Is.Empty);
        for (var i = 0; i < 3; i++) _feed.Publish("n", $"{i}");
        (next, changes, _) = Ask(client, $"after={next}");
        Assert.That(changes, Is.EqualTo(new[] { "0", "1", "2" }));
        Assert.That(Ask(client, $"after={next - 1}").Changes, Is.EqualTo(new[] { "2" }));
        Assert.That(Ask(client, $"after={next}").Changes, Is.Empty);
    }

    [Test]
    public void The_last_256_are_kept()
    {
        for (var i = 0; i < 300; i++) _feed.Publish("n", $"{i}");
        using var client = _server.Connect();
        var changes = Ask(client, "after=0").Changes;
        Assert.Multiple(() =>
        {
            Assert.That(changes, Has.Length.EqualTo(256));
            Assert.That(changes[0], Is.EqualTo("44"));
            Assert.That(changes[255], Is.EqualTo("299"));
        });
    }

    [Test]
    public void Whoever_has_a_number_of_an_earlier_life_gets_everything_and_is_told_that_something_is_lost()
    {
        _feed.Publish("n", "only");
        using var client = _server.Connect();
        Assert.That(Ask(client, $"after={long.MaxValue}"), Is.EqualTo((First, new[] { "only" }, true)).Using<(long, string[], bool)>(Same));
        Assert.That(Ask(client, "after=3"), Is.EqualTo((First, new[] { "only" }, true)).Using<(long, string[], bool)>(Same));
        Assert.That(Ask(client, "after=0").Lost, Is.False, "who asks for the first time has nothing to lose");
        Assert.That(Ask(client, $"after={First - 1}").Lost, Is.False, "who asked before the first change neither");
    }

    [Test]
    public void Whoever_was_away_for_more_than_is_kept_is_told_so_and_does_not_wait()
    {
        using var client = _server.Connect();
        var (next, _, _) = Ask(client, "after=0");
        for (var i = 0; i < 256; i++) _feed.Publish("n", $"{i}");
        Assert.That(Ask(client, $"after={next}").Lost, Is.False, "all of them are there");
        _feed.Publish("n", "one more");
        var late = Ask(client, $"after={next}&wait=300");
        Assert.That(late.Lost, Is.True);
        Assert.That(late.Changes, Has.Length.EqualTo(256));
        Assert.That(Ask(client, $"after={late.Next}").Lost, Is.False);
    }

    [Test]
    public void A_restart_is_noticed_although_nothing_has_changed_since_whatever_the_clock()
    {
        using var client = _server.Connect();
        _feed.Publish("n", "before");
        var (next, _, _) = Ask(client, "after=0");
        using var again = new TestServer();
        new ChangeFeed(_server.Time).Map(again.Server, [TestServer.Version]);
        again.Start();
        using var other = again.Connect();
        var answer = Ask(other, $"after={next}&wait=300");
        Assert.That(answer.Lost, Is.True);
        Assert.That(answer.Next, Is.LessThan(1L << 53));
    }

    private static bool Same((long Next, string[] Changes, bool Lost) one, (long Next, string[] Changes, bool Lost) other) =>
        one.Next == other.Next && one.Changes.SequenceEqual(other.Changes) && one.Lost == other.Lost;

    [Test]
    public void A_long_poll_ends_with_the_next_change()
    {
        using var client = _server.Connect();
        client.Send(Changes($"after={Ask(client, "after=0").Next}&wait=300"));
        Eventually.Is(() => _server.Server.Throttle.Waiting == 1, "it waits");
        _feed.Publish("n", "news");
        Assert.That(Parse(client.Read()).Changes, Is.EqualTo(new[] { "news" }));
    }

    [Test]
    public void A_long_poll_ends_when_the_server_stops()
    {
        using var client = _server.Connect();
        client.Send(Changes("after=0&wait=300"));
        Eventually.Is(() => _server.Server.Throttle.Waiting == 1, "it waits");
        _server.Server.Stop();
        Assert.That(client.Read().Status, Is.EqualTo(200));
    }

    [Test]
    public void A_long_poll_ends_when_its_client_goes_away()
    {
        using (var client = _server.Connect())
        {
            client.Send(Changes("after=0&wait=300"));
            Eventually.Is(() => _server.Server.Throttle.Waiting == 1, "it waits");
        }

        Eventually.Is(() => _server.Server.Throttle.Waiting == 0, "it does no longer");
    }

    [TestCase("after=x", "bad_request-number")]
    [TestCase("after=-1")]
    [TestCase("wait=1.5")]
    [TestCase("after=1&after=2")]
    public void Numbers_that_are_none_are_refused(string query, string? shown = null)
    {
        using var client = _server.Connect();
        var answer = client.Ask(Changes(query));
        Assert.That(answer.Status, Is.EqualTo(400));
        if (shown is not null) Told.Shown(shown, answer);
    }

    private static string Changes(string query) => $"GET /changes?api-version={TestServer.Version}&{query} HTTP/1.1\r\nHost: x\r\n\r\n";

    private static (long Next, string[] Changes, bool Lost) Ask(RawClient client, string query) => Parse(client.Ask(Changes(query)));

    private static (long Next, string[] Changes, bool Lost) Parse(RawAnswer answer)
    {
        using var json = JsonDocument.Parse(answer.Body);
        return (json.RootElement.GetProperty("next").GetInt64(), [.. json.RootElement.GetProperty("changes").EnumerateArray().Select(change => change.GetProperty("subject").GetString()!)],
            json.RootElement.TryGetProperty("lost", out _));
    }
}
