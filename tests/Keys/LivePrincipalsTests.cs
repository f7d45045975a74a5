using EstProv.Configuration;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Live;
using EstProv.Keys.Authorization;
using EstProv.Keys.Tests.ReturnValues;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>Other users of the machine, at a daemon that runs.</summary>
public sealed class LivePrincipalsTests
{
    private const uint Agent = 65_001;
    private const string Create = "{\"keyId\":\"agent-key\"}";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private KeydUnderTest _keyd = null!;

    [SetUp]
    public void Start()
    {
        _keyd = new KeydUnderTest();
        Configure("");
        _keyd.Start();
        OpenToAll(_keyd.Socket);
    }

    [TearDown]
    public void Stop() => _keyd.Dispose();

    [Test]
    public void Principals_come_and_go_without_a_restart_each_with_its_rights_only()
    {
        Assert.That(Ask("POST", "/keypair", Create), Is.EqualTo("forbidden"), "nobody is admitted silently");
        Configure($"[[principal]]\nuid = {Agent}\nkeys = [\"agent-*\"]\nrights = [\"generate\"]\n");
        Assert.That(Becomes("", "POST", "/keypair", Create));
        Assert.That(Ask("GET", "/keypair/agent-key"), Is.EqualTo("forbidden"), "to make a key is not to use it");

        Configure($"[[principal]]\nuid = {Agent}\nkeys = [\"agent-*\"]\n[[principal]]\nuid = {Agent}\nkeys = [\"agent-*\"]\nrights = [\"delete\"]\n");
        Assert.That(Becomes("", "GET", "/keypair/agent-key"));
        Assert.That(Ask("POST", "/keypair", Create), Is.EqualTo("forbidden"), "the former entry is gone");
        Assert.That(Ask("DELETE", "/keypair/agent-key/previous"), Is.Empty, "two entries for one user add up");
        Assert.That(Ask("GET", "/keypair/other-key"), Is.EqualTo("forbidden"));

        Configure("[[principal]]\nuid = \"agent\"\n");
        Assert.That(SpinWait.SpinUntil(() => Ask("GET", "/keypair/agent-key").Length > 0, TimeSpan.FromSeconds(2)), Is.False, "a broken file takes nothing away");
        Assert.That(_keyd.Log, Has.Some.Contains("the former principals stay in force"));

        Configure("");
        Assert.That(Becomes("forbidden", "GET", "/keypair/agent-key"));
    }

    [Test]
    public void A_denial_is_logged_with_user_process_command_and_key()
    {
        Assert.That(Ask("GET", "/keypair/secret-key"), Is.EqualTo("forbidden"));
        var command = File.ReadAllText("/proc/self/comm").TrimEnd();
        Assert.That(_keyd.Log, Has.Exactly(1).Contains($"denied: user {Agent} (pid {Environment.ProcessId}, command '{command}') may not use the key 'secret-key'"));
        for (var i = 0; i < 50; i++) _ = Ask("GET", "/keypair/secret-key");
        Assert.That(_keyd.Log.Count(static line => line.Contains("denied: user", StringComparison.Ordinal)), Is.EqualTo(5));
    }

    [Test]
    public void An_alias_socket_gives_the_same_rights_and_no_others()
    {
        _keyd.Stop();
        var alias = Path.Combine(Path.GetDirectoryName(_keyd.Socket)!, "aziot-keyd.sock");
        File.WriteAllText(_keyd.ConfigFile, $"homedir_path = \"{_keyd.Home}\"\nalias_sockets = [\"{alias}\"]\n[[principal]]\nuid = {Agent}\nkeys = [\"agent-key\"]\nrights = [\"generate\"]\n");
        _keyd.Start();
        OpenToAll(_keyd.Socket);
        OpenToAll(alias);
        Assert.That(Ask("POST", "/keypair", Create, alias), Is.Empty);
        Assert.That(Ask("POST", "/keypair", Create), Is.Empty);
        Assert.That(Ask("GET", "/keypair/agent-key", null, alias), Is.EqualTo("forbidden"));
        _keyd.Stop();
        Assert.That(File.Exists(alias), Is.False);
    }

    [Test]
    public void Who_is_refused_is_told_what_he_needs()
    {
        _keyd.Shown("forbidden", Refusal("POST", "/keypair", Create, null)!);
    }

    [Test]
    public void A_user_who_is_deleted_is_told_in_the_log()
    {
        _keyd.Stop();
        uint? uid = Agent;
        Configure("[[principal]]\nuser = \"edge-agent\"\nkeys = [\"agent-*\"]\n");
        var source = new LiveSource<KeydConfiguration>(_keyd.ConfigFile, _keyd.ConfigFile + ".d", ConfigurationLoader.LoadKeyd, _ => uid);
        var time = new SkippingTime(1);
        var live = new LivePrincipals<KeydConfiguration, KeyRules>(source, source.LoadFirst().Value!,
            static configuration => new KeyRules(configuration.Principals), time, _keyd.Logger);
        Assert.That(live.Current.Allow(Agent, "agent-key", KeyRights.Use));
        uid = null;
        Directory.CreateDirectory(_keyd.ConfigFile + ".d");
        File.WriteAllText(Path.Combine(_keyd.ConfigFile + ".d", "touched.toml"), "");
        time.Skip(TimeSpan.FromSeconds(2));
        Assert.That(live.Current.Allow(Agent, "agent-key", KeyRights.Use), Is.False);
        _keyd.ShownInLog("user_unknown");
    }

    private static void OpenToAll(string socket)
    {
        File.SetUnixFileMode(Path.GetDirectoryName(socket)!, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(socket, (UnixFileMode)0x1B6);
    }

    private void Configure(string toml) => _keyd.Configure(toml);

    private bool Becomes(string code, string method, string path, string? body = null) => SpinWait.SpinUntil(() => Ask(method, path, body) == code, Patience);

    /// <summary>Empty, or the code of the refusal.</summary>
    private string Ask(string method, string path, string? body = null, string? socket = null) =>
        Refusal(method, path, body, socket)?.Code ?? "";

    private ProblemException? Refusal(string method, string path, string? body, string? socket) => AsUid.Run<ProblemException?>(Agent, () =>
    {
        using var client = new LocalClient(socket ?? _keyd.Socket, "root", "Key Service", Patience);
        try
        {
            client.Send(method, $"{path}?api-version=2020-09-01", body is null ? default : System.Text.Encoding.UTF8.GetBytes(body), body is null ? null : "application/json");
            return null;
        }
        catch (ProblemException problem)
        {
            return problem;
        }
    });
}
