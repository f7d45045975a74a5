using EstProv.Configuration.Keyd;
using EstProv.Configuration.Live;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Configuration.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class LivePrincipalsTests : IDisposable
{
    private readonly ConfigurationFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _log = new();
    private readonly Dictionary<string, uint> _users = new(StringComparer.Ordinal) { ["firmware"] = 1001, ["edge-agent"] = 1002 };
    private int _made;

    public void Dispose() => _folder.Dispose();

    [Test]
    public void A_changed_file_is_in_force_after_a_second_and_not_looked_at_before()
    {
        var live = Start(Admit(1));
        _folder.Write("keyd.toml", Admit(1, 2));
        Assert.That(live.Current, Is.EqualTo("1"), "within the second");
        Assert.That(Later(live), Is.EqualTo("1 2"));
        Assert.That(_log.All, Has.Exactly(1).Contains("its principals are in force now"));
    }

    [Test]
    public void What_has_not_changed_is_not_read_again()
    {
        var live = Start(Admit(1));
        File.SetLastWriteTimeUtc(Path.Combine(_folder.Folder, "keyd.toml"), DateTime.UtcNow.AddHours(-1));
        WaitForTick();
        _ = Later(live);
        var made = _made;
        for (var i = 0; i < 100; i++) _ = Later(live);
        Assert.That(_made, Is.EqualTo(made));
    }

    [Test]
    public void Drop_ins_that_come_change_and_go_count()
    {
        var live = Start(Admit(1));
        _folder.Write("conf.d/a.toml", Admit(2));
        Assert.That(Later(live), Is.EqualTo("1 2"), "the first one, with its folder");
        _folder.Write("conf.d/b.toml", Admit(3));
        Assert.That(Later(live), Is.EqualTo("1 2 3"));
        _folder.Write("conf.d/b.toml", Admit(4));
        Assert.That(Later(live), Is.EqualTo("1 2 4"), "of the same size");
        File.Delete(Path.Combine(_folder.DropIns, "a.toml"));
        Assert.That(Later(live), Is.EqualTo("1 4"));
    }

    [Test]
    public void A_file_that_is_replaced_by_one_of_the_same_size_and_time_is_seen()
    {
        var live = Start(Admit(1));
        WaitForTick();
        _ = Later(live);
        var file = Path.Combine(_folder.Folder, "keyd.toml");
        var time = File.GetLastWriteTimeUtc(file);
        _folder.Write("new", Admit(2));
        File.SetLastWriteTimeUtc(Path.Combine(_folder.Folder, "new"), time);
        File.Move(Path.Combine(_folder.Folder, "new"), file, overwrite: true);
        Assert.That(Later(live), Is.EqualTo("2"));
    }

    [Test]
    public void A_second_change_right_after_the_first_is_not_lost()
    {
        var live = Start(Admit(1));
        for (var i = 2; i < 9; i++)
        {
            _folder.Write("keyd.toml", Admit(i));
            _time.Advance(TimeSpan.FromSeconds(1));
            _ = live.Current;
            _folder.Write("keyd.toml", Admit(i + 1));
            Assert.That(Later(live), Is.EqualTo($"{i + 1}"));
        }
    }

    [TestCase("[[principal]]\nuid = \"one\"\nkeys = [\"*\"]")]
    [TestCase("[[principal]\nuid = 2")]
    [TestCase("unknown = 1")]
    [TestCase(null)]
    public void A_broken_configuration_is_said_once_and_leaves_the_former_principals_in_force(string? broken)
    {
        var live = Start(Admit(1));
        if (broken is null) File.Delete(Path.Combine(_folder.Folder, "keyd.toml"));
        else _folder.Write("keyd.toml", broken);
        for (var i = 0; i < 10; i++) Assert.That(Later(live), Is.EqualTo("1"));
        Assert.That(_log.All, Has.Exactly(1).StartsWith("Error: the configuration has changed and cannot be used, the former principals stay in force: ").And.Exactly(1).Items);
        _folder.Write("keyd.toml", Admit(2));
        Assert.That(Later(live), Is.EqualTo("2"), "once it is repaired");
    }

    [Test]
    public void A_user_who_is_deleted_loses_his_rights_and_gets_them_back_with_his_name()
    {
        var live = Start(Admit(1) + "[[principal]]\nuser = \"firmware\"\nkeys = [\"*\"]\n");
        Assert.That(live.Current, Is.EqualTo("1 1001"));
        _users.Remove("firmware");
        _folder.Write("conf.d/touched.toml", "");
        Assert.That(Later(live), Is.EqualTo("1"));
        Assert.That(_log.All, Has.Exactly(1).Contains("the user 'firmware' of a [[principal]] is unknown on this machine now"));

        _users["firmware"] = 1234;
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.That(Later(live), Is.EqualTo("1 1234"), "though no file has changed: a name service may have been away");
    }

    [Test]
    public void A_user_who_is_unknown_at_the_start_is_an_error()
    {
        _folder.Write("keyd.toml", "[[principal]]\nuser = \"nobody-of-this-name\"\nkeys = [\"*\"]\n");
        Assert.That(Source().LoadFirst().Value, Is.Null);
    }

    [Test]
    public void Many_who_ask_at_once_all_get_an_answer_and_one_of_them_looks()
    {
        var live = Start(Admit(1));
        _folder.Write("keyd.toml", Admit(2));
        _time.Advance(TimeSpan.FromSeconds(1));
        var made = _made;
        Parallel.For(0, 200, _ => Assert.That(live.Current, Is.AnyOf("1", "2")));
        Assert.That(_made - made, Is.EqualTo(1));
        Assert.That(live.Current, Is.EqualTo("2"));
    }

    private static string Admit(params int[] uids) => string.Concat(uids.Select(uid => $"[[principal]]\nuid = {uid}\nkeys = [\"*\"]\n"));

    private LiveSource<KeydConfiguration> Source() => new(
        Path.Combine(_folder.Folder, "keyd.toml"), _folder.DropIns, ConfigurationLoader.LoadKeyd, name => _users.TryGetValue(name, out var uid) ? uid : null);

    private LivePrincipals<KeydConfiguration, string> Start(string text)
    {
        _folder.Write("keyd.toml", text);
        var source = Source();
        return new LivePrincipals<KeydConfiguration, string>(source, source.LoadFirst().Value!, configuration =>
        {
            Interlocked.Increment(ref _made);
            return string.Join(' ', configuration.Principals.Select(principal => principal.Uid));
        }, _time, _log);
    }

    private string Later(LivePrincipals<KeydConfiguration, string> live)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return live.Current;
    }

    // Until a change would have another time than those made so far.
    private static void WaitForTick()
    {
        var until = DateTime.UtcNow.AddMilliseconds(100);
        SpinWait.SpinUntil(() => DateTime.UtcNow > until);
    }

    private sealed class Lines : ILogger
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => All.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
