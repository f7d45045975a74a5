using System.Security.Cryptography;
using System.Text.RegularExpressions;
using EstProv.Configuration.Keyd;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Authorization;
using EstProv.Keys.Client;
using EstProv.Keys.Files;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using EstProv.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.Tests;

/// <summary>Rotation over interruptions and failures: after each, the store holds what the index names and nothing else.</summary>
public sealed partial class RotationTests
{
    private static readonly Caller Me = new(7, 1);

    private TemporaryFolder _folder;
    private StateFolder _state;
    private FailingStore _store;
    private KeyStores _stores;
    private KeyService _service;

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        Restart();
    }

    [TearDown]
    public void Stop()
    {
        _store.Dispose();
        _stores.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void An_interruption_at_any_point_of_a_rotation_is_repaired_at_start()
    {
        // The steps of the store, each interrupted before and after it was done, until a whole rotation goes through.
        for (var point = 0; ; point++)
        {
            var id = $"key-{point}";
            _service.Create(Me, id, "ec-p256");
            var first = _service.Public(Me, id, []).Spki;
            _store.InterruptAt = point;
            byte[]? promised = null;
            var interrupted = false;
            try
            {
                _service.StageNext(Me, id, "ec-p256");
                _service.DiscardNext(Me, id);
                var next = _service.Public(Me, _service.StageNext(Me, id, "ec-p256"), out _);
                _service.Promote(Me, id, next.Sha256);
                promised = next.Spki;
                _service.RetirePrevious(Me, id);
            }
            catch (InterruptedException)
            {
                interrupted = true;
            }

            Restart();
            _service.Settle();
            var current = _service.Public(Me, id, []).Spki;
            Assert.That(current, Is.EqualTo(promised ?? first), $"point {point}: current is the old one until the promotion, the new one after");
            AssertSigns(id);
            AssertNothingIsLeft();
            // What was cut short can be done from the beginning.
            var again = _service.Public(Me, _service.StageNext(Me, id, "ec-p256"), out _);
            _service.Promote(Me, id, again.Sha256);
            _service.RetirePrevious(Me, id);
            AssertSigns(id);
            AssertNothingIsLeft();
            if (interrupted) continue;
            Assert.That(point, Is.EqualTo(8), "two generations and two destructions have two points each");
            break;
        }
    }

    [Test]
    public void An_interruption_at_any_point_of_an_import_leaves_the_old_key_or_the_new_one()
    {
        byte[] old = SHA256.HashData("old"u8), young = SHA256.HashData("new"u8);
        for (var point = 0; ; point++)
        {
            var handle = _service.CreateSecret(Me, "sas", SecretUsage.Sign, old);
            _store.InterruptAt = point;
            var interrupted = false;
            try
            {
                _service.CreateSecret(Me, "sas", SecretUsage.Sign, young);
            }
            catch (InterruptedException)
            {
                interrupted = true;
            }

            Restart();
            _service.Settle();
            var mac = new byte[32];
            _service.Mac(Me, handle, "message"u8, mac);
            Assert.That(mac, Is.EqualTo(HMACSHA256.HashData(point < 2 ? old : young, "message"u8)), $"point {point}");
            AssertNothingIsLeft();
            if (interrupted) continue;
            Assert.That(point, Is.EqualTo(4), "one making and one destruction have two points each");
            break;
        }
    }

    [Test]
    public void Old_pairs_do_not_pile_up_when_nobody_retires_them()
    {
        _service.Create(Me, "device-id", "ec-p256");
        for (var i = 0; i < 5; i++) _service.Promote(Me, "device-id", _service.Public(Me, _service.StageNext(Me, "device-id", "ec-p256"), out _).Sha256);
        Assert.That(Directory.GetFiles(_state.Files), Has.Length.EqualTo(2), "current and previous");
        AssertSigns("device-id");
    }

    [Test]
    public void What_cannot_be_written_refuses_the_change_and_loses_nothing()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var first = _service.Public(Me, "device-id", []).Spki;
        var record = Path.Combine(_state.Index, "device-id.json");

        Obstruct(record);
        Assert.That(() => _service.StageNext(Me, "device-id", "ec-p256"), Throws.TypeOf<ProblemException>().With.Property("Code").StartsWith("file_"));
        Clear(record);
        AssertSigns("device-id");

        var next = _service.Public(Me, _service.StageNext(Me, "device-id", "ec-p256"), out _);
        Obstruct(record);
        Assert.That(() => _service.Promote(Me, "device-id", next.Sha256), Throws.TypeOf<ProblemException>().With.Property("Code").StartsWith("file_"));
        Clear(record);
        Assert.That(_service.Public(Me, "device-id", []).Spki, Is.EqualTo(first));

        _service.Promote(Me, "device-id", next.Sha256);
        Assert.That(_service.Public(Me, "device-id", []).Spki, Is.EqualTo(next.Spki));
        Restart();
        Assert.That(_service.Public(Me, "device-id", []).Spki, Is.EqualTo(next.Spki));
        AssertNothingIsLeft();
    }

    [Test]
    public void A_generation_whose_record_cannot_be_written_leaves_no_key_behind()
    {
        var record = Path.Combine(_state.Index, "device-id.json");
        _store.AfterGenerating = () => Obstruct(record);
        Assert.That(() => _service.Create(Me, "device-id", "ec-p256"), Throws.TypeOf<ProblemException>().With.Property("Code").StartsWith("file_"));
        Clear(record);
        _service.Create(Me, "device-id", "ec-p256");
        AssertSigns("device-id");
        AssertNothingIsLeft();
    }

    [Test]
    public void Keys_of_a_file_that_is_damaged_are_not_overwritten()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var record = Path.Combine(_state.Index, "device-id.json");
        File.WriteAllText(record, "damaged");
        Restart();
        Shown("index_damaged", () => _service.Find(Me, "device-id"));
        Assert.That(() => _service.Create(Me, "device-id", "*"), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("index_damaged"));
        Assert.That(File.ReadAllText(record), Is.EqualTo("damaged"));
        _service.Create(Me, "est-id", "*");
        AssertSigns("est-id");
    }

    [Test]
    public void A_damaged_record_stays_an_error_after_a_refusal()
    {
        _service.Create(Me, "device-id", "ec-p256");
        File.WriteAllText(Path.Combine(_state.Index, "device-id.json"), "damaged");
        Restart();
        for (var i = 0; i < 2; i++)
        {
            Assert.That(() => _service.StageNext(Me, "device-id", "*"), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("index_damaged"));
            Assert.That(() => _service.Find(Me, "device-id"), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("index_damaged"));
        }
    }

    [Test]
    public void A_pinned_handle_deletes_its_own_pair_only()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var staged = _service.StageNext(Me, "device-id", "ec-p256");
        _service.Delete(Me, staged);
        AssertSigns("device-id");
        Assert.That(Directory.GetFiles(_state.Files), Has.Length.EqualTo(1));
        AssertNothingIsLeft();
        _service.Delete(Me, _service.Find(Me, "device-id"));
        Assert.That(Directory.GetFiles(_state.Files), Is.Empty);
    }

    [Test]
    public void A_record_that_a_killed_process_left_is_made_to_last_before_a_key_is_destroyed()
    {
        _service.Create(Me, "device-id", "ec-p256");
        _store.AfterGenerating = () => throw new InterruptedException();
        Assert.That(() => _service.StageNext(Me, "device-id", "ec-p256"), Throws.TypeOf<InterruptedException>());
        Restart();
        // Its rename may not be on the disk yet, and the record before it names other keys.
        var record = Directory.GetFiles(_state.Index).Single();
        File.SetLastWriteTimeUtc(record, DateTime.UnixEpoch);
        _store.CannotDestroy = true;
        _service.Settle();
        Assert.That(File.GetLastWriteTimeUtc(record), Is.GreaterThan(DateTime.UnixEpoch), "written once more, before the store was asked");
        _store.CannotDestroy = false;
        _service.Settle();
        AssertNothingIsLeft();
    }

    [Test]
    public void A_store_that_cannot_destroy_does_not_keep_a_device_from_its_next_key()
    {
        _service.Create(Me, "device-id", "ec-p256");
        _store.AfterGenerating = () => throw new InterruptedException();
        Assert.That(() => _service.StageNext(Me, "device-id", "ec-p256"), Throws.TypeOf<InterruptedException>());
        Restart();
        _store.CannotDestroy = true;
        _service.Settle();
        var next = _service.Public(Me, _service.StageNext(Me, "device-id", "ec-p256"), out _);
        _service.Promote(Me, "device-id", next.Sha256);
        AssertSigns("device-id");
        _store.CannotDestroy = false;
        _service.RetirePrevious(Me, "device-id");
        AssertNothingIsLeft();
    }

    [Test]
    public void Files_of_keys_are_readable_by_their_owner_only()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var file = Directory.GetFiles(_state.Files).Single();
        Assert.That(Path.GetFileName(file), Does.Match("^[0-9a-f]{32}\\.v1\\.pem$"));
        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.GetUnixFileMode(_state.Files), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
        Assert.That(File.ReadAllText(file), Does.StartWith("Key device-id (ec-p256)\n-----BEGIN PRIVATE KEY-----\n"));
    }

    [Test]
    public void A_damaged_key_file_is_told()
    {
        var handle = _service.Create(Me, "device-id", "ec-p256");
        var file = Directory.GetFiles(_state.Files).Single();
        foreach (var content in (string[])["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
        {
            File.WriteAllText(file, content);
            Restart();
            Assert.That(() => Sign(handle), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("key_file"), content);
        }

        Shown("key_file", () => Sign(handle));
        File.Delete(file);
        Directory.CreateDirectory(file);
        Restart();
        Shown("key_file-unreadable", () => Sign(handle));
        Directory.Delete(file);

        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllText(file, other.ExportPkcs8PrivateKeyPem());
        Restart();
        Shown("key_not_found-other-file", () => Sign(handle));
        File.Delete(file);
        Restart();
        Shown("key_not_found-no-file", () => Sign(handle));
    }

    [Test]
    public void Nobody_without_the_right_gets_anything()
    {
        var handle = _service.Create(Me, "device-id", "ec-p256");
        var other = new Caller(8, 2);
        var spki = _service.Public(Me, "device-id", []).Sha256;
        Action[] uses =
        [
            () => _service.Create(other, "device-id", "*"),
            () => _service.Find(other, "device-id"),
            () => _service.Find(other, "unknown"),
            () => _service.Public(other, "device-id", spki),
            () => _service.Public(other, handle, out _),
            () => _service.StageNext(other, "device-id", "*"),
            () => _service.Promote(other, "device-id", spki),
            () => _service.DiscardNext(other, "device-id"),
            () => _service.RetirePrevious(other, "device-id"),
            () => _service.Delete(other, handle),
            () => _service.Sign(other, handle, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, new byte[32], new byte[StoredKey.LongestSignature]),
        ];
        foreach (var use in uses)
        {
            var problem = Assert.Throws<ProblemException>(use)!;
            Assert.That(problem.Code, Is.EqualTo("forbidden"));
            Assert.That(problem.Message, Does.StartWith("user 8 is not authorized to access the key "));
        }
    }

    [Test]
    public void Reading_and_changing_are_told_apart()
    {
        var handle = _service.Create(Me, "device-id", "ec-p256");
        var reader = new Caller(9, 3);
        Assert.That(_service.Find(reader, "device-id"), Is.EqualTo(handle));
        Assert.That(() => _service.StageNext(reader, "device-id", "*"), Throws.TypeOf<ProblemException>());
        Assert.That(() => _service.Delete(reader, handle), Throws.TypeOf<ProblemException>());
    }

    [Test]
    public void What_is_wrong_with_a_record_is_told_at_the_start()
    {
        _service.Create(Me, "device-id", "ec-p256");
        var record = Path.Combine(_state.Index, "device-id.json");
        var text = File.ReadAllText(record);
        File.WriteAllText(record, Regex.Replace(text, "(?<=\"version\": ?)1", "9", RegexOptions.None, TimeSpan.FromSeconds(1)));
        Shown("index_version", new KeyIndex(_state.Index).Load().Problems.Single());
        File.WriteAllText(record, text[..^10]);
        Shown("index_damaged-form", new KeyIndex(_state.Index).Load().Problems.Single());
        File.WriteAllText(Path.Combine(_state.Index, "copy.json"), text);
        File.Delete(record);
        Shown("index_damaged-name", new KeyIndex(_state.Index).Load().Problems.Single());
    }

    [GeneratedRegex("[0-9a-f]{32}", RegexOptions.None, 1000)]
    private static partial Regex StorageFile();

    private void Shown(string name, Action action) => Shown(name, Assert.Throws<ProblemException>(action)!);

    private void Shown(string name, ProblemException problem)
    {
        var file = StorageFile().Match(problem.Message);
        Message.Shown(name, problem, (_state.Root, "/var/lib/estprov/keyd"), (file.Success ? file.Value : "no file", "STORAGE-ID"));
    }

    private void Restart()
    {
        _stores?.Dispose();
        _state = new StateFolder(_folder["home"]);
        _state.Prepare();
        _store = new FailingStore(new FileKeyStore(_state.Files));
        _stores = new KeyStores(_store);
        var authorizer = new Authorizer(
            [
                new KeyPrincipal { Uid = 7, Keys = ["*"], Rights = KeyRights.Use | KeyRights.Generate | KeyRights.Delete },
                new KeyPrincipal { Uid = 9, Keys = ["*"], Rights = KeyRights.Use },
            ],
            TimeProvider.System, NullLogger.Instance);
        _service = new KeyService(_stores, new KeyIndex(_state.Index), new HandleSealer(new HandleKey(_state, NullLogger.Instance)), authorizer,
            new Dictionary<string, KeySource>(StringComparer.Ordinal), NullLogger.Instance);
    }

    // A folder has the temporary file's name: nothing is written there until it is gone.
    private static void Obstruct(string path) => Directory.CreateDirectory(path + ".tmp");

    private static void Clear(string path) => Directory.Delete(path + ".tmp");

    private byte[] Sign(string handle)
    {
        var signature = new byte[StoredKey.LongestSignature];
        return signature[.._service.Sign(Me, handle, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256, SHA256.HashData("m"u8), signature)];
    }

    private void AssertSigns(string id) => Assert.That(Signatures.Verify(_service.Public(Me, id, []).Spki, SignatureScheme.Ecdsa, DigestAlgorithm.Sha256,
        SHA256.HashData("m"u8), Sign(_service.Find(Me, id))));

    private void AssertNothingIsLeft()
    {
        var (records, problems) = new KeyIndex(_state.Index).Load();
        Assert.That(problems, Is.Empty);
        Assert.That(records.TrueForAll(static record => record.IsSettled));
        var named = records.SelectMany(static record => new[] { record.Current, record.Next, record.Previous }).OfType<KeyEntry>().Select(static entry => $"{entry.Id}.v1.pem")
            .Concat(records.Select(static record => record.Secret).OfType<SecretEntry>().Select(static entry => $"{entry.Id}.v1.pem"));
        Assert.That(Directory.GetFiles(_state.Files).Select(Path.GetFileName), Is.EquivalentTo(named));
        Assert.That(Directory.GetFiles(_state.Root, "*.tmp", SearchOption.AllDirectories), Is.Empty);
    }

    private sealed class InterruptedException : Exception;

    /// <summary>The file store, cut off before or after one of its steps.</summary>
    private sealed class FailingStore(FileKeyStore inner) : IKeyStore
    {
        private int _points;

        public int InterruptAt { get; set; } = int.MaxValue;

        public Action? AfterGenerating { get; set; }

        public bool CannotDestroy { get; set; }

        public string Name => inner.Name;

        public void Prepare() => inner.Prepare();

        public StoredKey Generate(StorageId id, string keyId, KeyAlgorithm algorithm)
        {
            Point();
            var key = inner.Generate(id, keyId, algorithm);
            Point();
            AfterGenerating?.Invoke();
            AfterGenerating = null;
            return key;
        }

        public StoredKey Open(StorageId id, string keyId, PublicKeyInfo publicKey) => inner.Open(id, keyId, publicKey);

        public StoredSecret CreateSecret(StorageId id, string keyId, SecretUsage usage, ReadOnlySpan<byte> value)
        {
            Point();
            var secret = inner.CreateSecret(id, keyId, usage, value);
            Point();
            return secret;
        }

        public StoredSecret OpenSecret(StorageId id, string keyId, SecretUsage usage) => inner.OpenSecret(id, keyId, usage);

        public void Destroy(StorageId id)
        {
            if (CannotDestroy) throw new ProblemException("mechanism_missing", "nothing is destroyed here");
            Point();
            inner.Destroy(id);
            Point();
        }

        public void Dispose() => inner.Dispose();

        private void Point()
        {
            if (InterruptAt != int.MaxValue && _points++ == InterruptAt) throw new InterruptedException();
        }
    }
}
