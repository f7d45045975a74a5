using EstProv.Configuration.Keyd;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Authorization;
using EstProv.Keys.Files;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.Tests;

/// <summary>Which key pairs a caller is told of.</summary>
public sealed class ListTests
{
    private static readonly Caller Me = new(7, 1);
    private static readonly Caller Firmware = new(8, 1);
    private static readonly Caller Stranger = new(9, 1);

    private TemporaryFolder _folder;
    private KeyStores _stores;
    private FakeSource _preloaded;
    private FakeSource _other;
    private KeyService _service;

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        var state = new StateFolder(_folder["home"]);
        _stores = new KeyStores(new FileKeyStore(state.Files));
        (_preloaded, _other) = (new FakeSource(), new FakeSource());
        var sources = new Dictionary<string, KeySource>(StringComparer.Ordinal) { ["bootstrap"] = _preloaded, ["other-preloaded"] = _other };
        var authorizer = new Authorizer(
        [
            new KeyPrincipal { Uid = 7, Keys = ["*"], Rights = KeyRights.Use | KeyRights.Generate | KeyRights.Delete },
            new KeyPrincipal { Uid = 8, Keys = ["log-*", "master/firmware"], Rights = KeyRights.Use },
            new KeyPrincipal { Uid = 8, Keys = ["device-id"], Rights = KeyRights.Generate | KeyRights.Delete | KeyRights.Export },
        ], TimeProvider.System, NullLogger.Instance);
        var sealer = new HandleSealer(new HandleKey(state, NullLogger.Instance));
        _service = new KeyService(_stores, new KeyIndex(state.Index), sealer, authorizer, sources, NullLogger.Instance);
    }

    [TearDown]
    public void Stop()
    {
        _stores.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void A_caller_is_told_of_the_keys_that_he_may_use_and_of_no_others()
    {
        foreach (var id in (string[])["device-id", "log-b", "log-a", "est-id"]) _service.Create(Me, id, "ec-p256");
        Assert.Multiple(() =>
        {
            Assert.That(Names(Me), Is.EqualTo((string[])["device-id current", "est-id current", "log-a current", "log-b current"]));
            Assert.That(Names(Firmware), Is.EqualTo((string[])["log-a current", "log-b current"]), "other rights than the one to use tell nothing");
            Assert.That(Names(Stranger), Is.Empty);
        });
    }

    [Test]
    public void Symmetric_keys_are_not_in_the_list()
    {
        _service.CreateSecret(Me, "master", SecretUsage.Sign, []);
        Assert.That(Names(Me), Is.Empty);
    }

    [Test]
    public void All_pairs_of_a_rotation_are_there_since_the_certificate_decides()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var first = _service.Public(Me, "device-id", []);
        var next = _service.Public(Me, _service.StageNext(Me, "device-id", "ec-p256"), out _);
        Assert.That(Names(Me), Is.EqualTo((string[])["device-id current", "device-id next"]));
        Assert.That(Keys(Me), Is.EqualTo((byte[][])[first.Spki, next.Spki]));
        _service.Promote(Me, "device-id", next.Sha256);
        Assert.That(Names(Me), Is.EqualTo((string[])["device-id current", "device-id previous"]));
        Assert.That(Keys(Me), Is.EqualTo((byte[][])[next.Spki, first.Spki]));
        _service.RetirePrevious(Me, "device-id");
        Assert.That(Keys(Me), Is.EqualTo((byte[][])[next.Spki]));
    }

    [Test]
    public void A_preloaded_key_is_there_as_soon_as_the_operator_has_made_it_and_is_looked_for_once()
    {
        Assert.That(Names(Me), Is.Empty, "it has not been made");
        Directory.CreateDirectory(new StateFolder(_folder["home"]).Files);
        _preloaded.Key = _stores.Primary.Generate(StorageId.Random(), "bootstrap", KeyAlgorithm.EcP256);
        Assert.That(Names(Me), Is.EqualTo((string[])["bootstrap current"]));
        var asked = _preloaded.Asked;
        Assert.That(Names(Me), Has.Count.EqualTo(1));
        Assert.That(_preloaded.Asked, Is.EqualTo(asked));
    }

    [Test]
    public void A_token_that_is_away_is_waited_for_once_and_hides_no_other_key()
    {
        _service.Create(Me, "device-id", "ec-p256");
        _preloaded.Problem = _other.Problem = new ProblemException("token_absent", "the token is away", "plug it in", 503);
        var list = _service.List(Me, "", 64, out _);
        Assert.That(list.Select(static pair => (pair.KeyId, pair.Problem?.Code)), Is.EqualTo(((string, string?)[])
            [("bootstrap", "token_absent"), ("device-id", null), ("other-preloaded", "token_absent")]));
        Assert.That((_preloaded.Asked, _other.Asked), Is.EqualTo((1, 0)));
    }

    [Test]
    public void A_long_list_comes_in_pages_and_none_is_told_twice()
    {
        for (var i = 0; i < 10; i++) _service.Create(Me, $"log-{i}", "ec-p256");
        _service.StageNext(Me, "log-3", "ec-p256");
        var seen = new List<string>();
        var after = "";
        for (var more = true; more;)
        {
            var page = _service.List(Firmware, after, 4, out more);
            seen.AddRange(page.Select(static pair => pair.KeyId));
            after = page[^1].KeyId;
        }

        Assert.That(seen, Is.EqualTo((string[])["log-0", "log-1", "log-2", "log-3", "log-3", "log-4", "log-5", "log-6", "log-7", "log-8", "log-9"]));
        Assert.That(_service.List(Firmware, "log-9", 4, out var last), Is.Empty);
        Assert.That(last, Is.False);
    }

    private List<string> Names(Caller caller) => [.. _service.List(caller, "", 64, out _).Select(static pair => $"{pair.KeyId} {pair.State}")];

    private List<byte[]> Keys(Caller caller) => [.. _service.List(caller, "", 64, out _).Select(static pair => pair.Public!.Spki)];

    private sealed class FakeSource : KeySource
    {
        public override string Description => "a key of the operator's";

        public StoredKey? Key { get; set; }

        public ProblemException? Problem { get; set; }

        public int Asked { get; private set; }

        public override StoredKey Create(KeyAlgorithm algorithm) => throw new InvalidOperationException("A list makes nothing.");

        public override StoredKey Load()
        {
            Asked++;
            if (Problem is not null) throw Problem;
            return Key ?? throw new ProblemException("key_not_found", "the operator has not made it", "", 404);
        }
    }
}
