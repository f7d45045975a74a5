using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests;

/// <summary>What can be wrong with a module, a token, a login or a key is told apart, with a hint each, by the daemon and by <c>--check</c>.</summary>
public sealed class CauseTests : FaultyTokenFixture
{
    private const int Always = 1000;
    private const ulong FinalTry = 0x20000, LockedPin = 0x40000; // CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED
    private const string Preloaded = "pkcs11:token=edge;object=key";

    private static IEnumerable<Cause> Causes => [.. Modules, .. Slots, .. Logins, .. Permissions, .. Keys];

    private static IEnumerable<Cause> Modules =>
    [
        AtStart("module missing", "module_missing", "vendor.so does not exist", "lib_path") with { Module = "/nonexistent/vendor.so" },
        AtStart("module of another architecture", "module_architecture", "another architecture (ELF machine 183, 64 bits)", "vendor's library for") with { Module = Header(183) },
        AtStart("module of 32 bits", "module_architecture", "another architecture (ELF machine 3, 32 bits)", "vendor's library for") with { Module = Header(3, bits: 32), Shown = "module_architecture-32-bits" },
        AtStart("not a module: a text", "module_not_a_library", "not an ELF file", ".so file") with { Module = "/etc/passwd" },
        AtStart("not a module: a folder", "module_not_a_library", "folder", ".so file") with { Module = "/etc", Shown = "module_not_a_library-folder" },
        AtStart("not a module: another library", "module_not_pkcs11", "no C_GetFunctionList", "token's vendor")
            with { Module = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so") },
        AtStart("module broken off", "module_load", "could not be loaded", "ldd") with { Module = Header(62) },
        AtStart("C_Initialize failed", "module_initialize", "C_Initialize: CKR_GENERAL_ERROR", "module's own configuration") with { Faults = Returns("C_Initialize", CKR.CKR_GENERAL_ERROR) },
        AtStart("C_Initialize knows no threads", "module_initialize", "several threads", "CKF_OS_LOCKING_OK") with { Faults = Returns("C_Initialize", CKR.CKR_CANT_LOCK), Shown = "module_initialize-threads" },
        AtStart("module-path of another module", "module_mismatch", "module-path", "lib_path") with { Slot = "pkcs11:token=edge?pin-value=1234&module-path=/other.so" },
        AtStart("module-name of another module", "module_mismatch", "module-name", "lib_path") with { Slot = "pkcs11:token=edge?pin-value=1234&module-name=other", Shown = null },
    ];

    private static IEnumerable<Cause> Slots =>
    [
        AtStart("no such slot", "token_no_slot", "has no slot 7; it has slot", "slot-id") with { Slot = "pkcs11:slot-id=7?pin-value=1234" },
        AtStart("no such token label", "token_not_found", "token 'edge'", "label") with { Slot = "pkcs11:token=other?pin-value=1234" },
        AtStart("no such serial number", "token_not_found", "serial=00", "serial number") with { Slot = "pkcs11:token=edge;serial=00?pin-value=1234", Shown = "token_not_found-serial" },
        AtStart("no such slot's manufacturer", "token_not_found", "slot-manufacturer", "label")
            with { Slot = "pkcs11:manufacturer=SoftHSM%20project;slot-manufacturer=nobody?pin-value=1234", Shown = null },
        AtStart("two tokens of one label", "token_ambiguous", "2 tokens match", "serial=NUMBER") with { Token = static token => token.AddToken("edge") },
        // SoftHSM2 numbers tokens by their serial numbers, and the one that is always free by the number of the others.
        AtStart("token not initialised", "token_not_initialized", "slot-id=1 names is not initialised", "--init-token") with { Slot = "pkcs11:slot-id=1?pin-value=1234" },
        AtStart("slot empty", "token_absent", "slot 1 has no token", "insert") with { Slot = "pkcs11:slot-id=1?pin-value=1234", Faults = static faults => faults.TakeAway() },
    ];

    private static IEnumerable<Cause> Logins =>
    [
        AtStart("PIN missing", "pin_missing", "asks for a PIN", "pin-source") with { Slot = "pkcs11:token=edge" },
        AtStart("PIN's file missing", "pin_missing", "/nonexistent does not exist", "pin-source") with { Slot = "pkcs11:token=edge?pin-source=file:/nonexistent", Shown = "pin_missing-file" },
        // In a token of its own, so that nobody has tried it before the request.
        new("PIN wrong", "pin_incorrect", "token 'vendor' in slot", "correct the PIN")
        {
            Token = static token => token.AddToken("vendor", "4321"), Key = "pkcs11:token=vendor;object=key?pin-value=9999", Ask = Load, Checked = "has refused the PIN",
        },
        AtStart("PIN locked", "pin_locked", "has locked its PIN", "security officer") with { Faults = static faults => faults.SetTokenFlags(LockedPin) },
        AtStart("PIN with one try left", "pin_final_try", "one more try", "by hand") with { Faults = static faults => faults.SetTokenFlags(FinalTry) },
        AtStart("PIN never set", "pin_not_set", "has no user PIN yet", "--init-pin") with { Faults = Returns("C_Login", CKR.CKR_USER_PIN_NOT_INITIALIZED) },
    ];

    // Each module finds out at another call, and says it by another return value.
    private static IEnumerable<Cause> Permissions =>
        from function in (string[])["C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession"]
        from result in (CKR[])[CKR.CKR_GENERAL_ERROR, CKR.CKR_TOKEN_NOT_PRESENT]
        select Refused(function, result);

    private static IEnumerable<Cause> Keys =>
    [
        new("mechanism missing to sign", "mechanism_missing", "CKR_MECHANISM_INVALID", "another algorithm")
            { Token = MakeKey, Key = Preloaded, Faults = static faults => faults.Limit(("no_mechanism", (ulong)CKM.CKM_ECDSA)), Ask = Sign, Status = 400 },
        new("mechanism missing to generate", "mechanism_missing", "CKR_MECHANISM_INVALID", "another algorithm")
            { Faults = static faults => faults.Limit(("no_mechanism", (ulong)CKM.CKM_EC_KEY_PAIR_GEN)), Status = 400, Checked = null, Shown = "mechanism_missing-generate" },
        new("key missing", "key_not_found", "token 'edge' in slot", "--list-objects") { Key = "pkcs11:token=edge;object=missing", Ask = Load, Status = 404, Checked = "object=missing" },
        new("two keys of one name", "key_ambiguous", "several private keys", "CKA_ID")
        {
            Token = static token =>
            {
                token.MakeKey("key", "01");
                token.MakeKey("key", "02");
            },
            Key = Preloaded, Ask = Load, Status = 409,
        },
        new("key without its public part", "key_public_missing", "no public key and no certificate", "pubkey|cert")
        {
            Token = static token =>
            {
                token.MakeKey("key", "01");
                token.DeletePublicKey("key");
            },
            Key = Preloaded, Ask = Load, Status = 400,
        },
        new("key of a wrong type: an unknown curve", "key_type", "curve", "NIST curve")
            { Token = static token => token.MakeKey("key", "01", "EC:secp256k1"), Key = Preloaded, Ask = Load, Status = 400 },
        new("key of a wrong type: RSA for ECDSA", "key_type", "RSA 2048", "RSA-PSS")
            { Token = static token => token.MakeKey("key", "01", "rsa:2048"), Key = Preloaded, Ask = Sign, Status = 400, Checked = null, Shown = "key_type-algorithm" },
        new("key of a wrong type: as the token says", "key_type", "of another type", "another key")
            { Token = MakeKey, Key = Preloaded, Faults = Returns("C_SignInit", CKR.CKR_KEY_TYPE_INCONSISTENT), Ask = Sign, Status = 400, Shown = "key_type-token" },
        new("key of a wrong usage: without CKA_SIGN", "key_usage", "no right to it", "CKA_SIGN")
            { Token = static token => OperatorKeys.MakeWithoutSign(token, "key"), Key = Preloaded, Ask = Load, Status = 400 },
        new("key of a wrong usage: as the token says", "key_usage", "no right to it", "CKA_SIGN")
            { Token = MakeKey, Key = Preloaded, Faults = Returns("C_SignInit", CKR.CKR_KEY_FUNCTION_NOT_PERMITTED), Ask = Sign, Status = 400, Shown = null },
        new("key of a wrong usage: symmetric, for MACs only", "key_usage", "'bootstrap' is for", "another usage")
        {
            Token = static token => token.MakeSecret("key", "01"), Key = Preloaded + ";type=secret-key", Ask = Encrypt, Status = 400, Checked = null, Shown = "key_usage-symmetric",
        },
    ];

    /// <summary>
    /// Here .NET binds dlerror(3) at its first use, which forgets what the loader has said before; in the daemon it is bound from the start.
    /// </summary>
    [OneTimeSetUp]
    public void BindLoaderErrors() => Assert.Throws<ProblemException>(static () => Pkcs11.Pkcs11Module.Load(Header(62)));

    [TestCaseSource(nameof(Causes))]
    public void A_cause_is_told_apart(object told)
    {
        var cause = (Cause)told;
        cause.Token?.Invoke(Token);
        cause.Faults?.Invoke(Faults);
        Configure(cause.Slot, cause.Key, cause.Module);
        Keyd.Start();
        var problem = cause.Meet(Keyd);
        Keyd.Stop();
        var exit = Keyd.Check(out var output);
        using var all = Assert.EnterMultipleScope();
        Assert.That(problem.Code, Is.EqualTo(cause.Code));
        Assert.That(problem.Status, Is.EqualTo(cause.Status));
        Assert.That(problem.Message, Does.Contain(cause.Text));
        Assert.That(problem.Hint, Does.Contain(cause.Hint));
        if (cause.Shown is { } file) Keyd.Shown(file, problem);
        if (cause.IsLogged) Assert.That(Keyd.Log, Has.Some.Contains($"code={cause.Code}; hint: "));
        Assert.That(exit, Is.EqualTo(cause.Checked is null ? 0 : 1), output);
        if (cause.Checked is { } text) Assert.That(output, Does.Contain("error: ").And.Contains("hint: ").And.Contains(text));
        else Assert.That(output, Is.Empty);
        Assert.That(string.Concat([problem.ToTerminalText(), output, .. Keyd.Log]), Does.Not.Match(@"\b(1234|4321|9999)\b"), "a PIN");
    }

    private static Cause AtStart(string name, string code, string text, string hint) => new(name, code, text, hint) { IsLogged = true };

    private static Cause Refused(string function, CKR result) => AtStart(
        $"permission on the device node: {function} says {result}", "token_permission", "permission denied", "device node") with
    {
        Shown = function == "C_OpenSession" && result == CKR.CKR_GENERAL_ERROR ? "token_permission" : null,
        Faults = faults => faults.Order(function, "refuse", (ulong)result, Always),
    };

    private static Action<FaultyModule> Returns(string function, CKR result) => faults => faults.Order(function, result, Always);

    private static void MakeKey(SoftHsm token) => token.MakeKey("key", "01");

    private static void Load(KeydUnderTest keyd) => keyd.Http.Send("GET", "/keypair/bootstrap?api-version=2020-09-01");

    private static void Sign(KeydUnderTest keyd) => keyd.Client.SignDigest(
        keyd.Client.FindKeyPair("bootstrap")!.Handle, SignatureScheme.Ecdsa, HashAlgorithmName.SHA256, SHA256.HashData("m"u8));

    private static void Encrypt(KeydUnderTest keyd)
    {
        var answer = keyd.Http.Send("GET", "/key/bootstrap?api-version=2020-09-01");
        using var json = System.Text.Json.JsonDocument.Parse(answer.Body);
        keyd.Http.Send("POST", "/encrypt?api-version=2020-09-01", Encoding.UTF8.GetBytes($$"""
            {"keyHandle":"{{json.RootElement.GetProperty("keyHandle").GetString()}}","algorithm":"AEAD","plaintext":"AAAA","parameters":{"iv":"AAAA","aad":"AAAA"} }
            """), "application/json");
    }

    // An ELF header for a machine, and nothing behind it.
    private static string Header(byte machine, int bits = 64)
    {
        var path = Path.Combine(AppContext.BaseDirectory, $"machine-{machine}.so");
        var header = new byte[64];
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', (byte)(bits / 32), 1, 1]).CopyTo(header);
        header[16] = 3;
        header[18] = machine;
        File.WriteAllBytes(path, header);
        return path;
    }
}
