using System.Diagnostics;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Pkcs11;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>
/// Every return value of the standard, from every function of the module that keyd calls, while it answers something that needs the function: it answers in
/// time, with an error of the README's table that has a hint, and works again as soon as the module does. No key is lost, and no wrong PIN is tried twice.
/// </summary>
public sealed class ReturnValueSweepTests
{
    private const int Always = 1_000_000;

    // So often in the 5 s of one request; more would be a hammer.
    private const int MostCalls = 150;

    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500); // after a failure nothing is tried again for so long

    // Those of PKCS#11 v3.0 and v3.1 that the enumeration does not have, one of a vendor, and one that nobody knows.
    private static readonly CKR[] Later = [(CKR)0x35, (CKR)0x1B9, (CKR)0x201, (CKR)0x202, (CKR)0x203, (CKR)0x204, (CKR)0x80000001, (CKR)0x7777];

    private static readonly CKR[] Values = [.. Enum.GetValues<CKR>().Where(static value => value != CKR.CKR_OK).Distinct(), .. Later];

    // What keyd makes something of; all others are one to it.
    private static readonly CKR[] Telling =
    [
        .. Values.Where(static value => Pkcs11Problem.MayPass(value) || TokenPin.IsRefusal(value) || Pkcs11Problem.Explain(value, "", "").Code != "token_error"), CKR.CKR_HOST_MEMORY,
    ];

    private SoftHsm _token;
    private FaultyModule _faults;
    private TemporaryFolder _folder;
    private SkippingTime _time;
    private ServiceUnderTest _service;
    private byte[] _deviceKey;
    private byte[] _mac;
    private string _objects;

    private static IEnumerable<TestCaseData> Functions
    {
        get
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (when, request, functions) in Cases)
            {
                foreach (var function in functions) yield return new TestCaseData(when, request, function, seen.Add(function)).SetArgDisplayNames(when.ToString(), request.Name, function);
            }
        }
    }

    private static (Moment When, Request Request, string[] Functions)[] Cases =>
    [
        (Moment.AtTheStart, Request.SignPreloaded, ["C_Initialize", "C_GetInfo", "C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_OpenSession", "C_Login"]),
        (Moment.AfterALoss, Request.Sign, ["C_Initialize", "C_Finalize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_CloseSession", "C_Login", "C_GetAttributeValue"]),
        (Moment.InUse, Request.Sign, ["C_SignInit", "C_Sign"]),
        (Moment.InUse, Request.SignPreloaded, ["C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue"]),
        (Moment.InUse, Request.Find, ["C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue"]),
        (Moment.InUse, Request.Create, ["C_GenerateKeyPair", "C_GetAttributeValue"]),
        (Moment.InUse, Request.Stage, ["C_GenerateKeyPair"]),
        (Moment.InUse, Request.Delete, ["C_DestroyObject", "C_GetSessionInfo", "C_FindObjectsInit"]),
        (Moment.InUse, Request.CreateSecret, ["C_GenerateKey", "C_GetMechanismInfo", "C_GetSessionInfo"]),
        (Moment.InUse, Request.ImportSecret, ["C_CreateObject"]),
        (Moment.InUse, Request.Mac, ["C_GetSessionInfo", "C_FindObjects", "C_GetAttributeValue", "C_SignInit", "C_Sign"]),
        (Moment.InUse, Request.Encrypt, ["C_EncryptInit", "C_Encrypt", "C_DecryptInit", "C_Decrypt"]),
        (Moment.InUse, Request.DecryptOaep, ["C_DecryptInit", "C_Decrypt"]),
    ];

    [OneTimeSetUp]
    public void Prepare()
    {
        _token = new SoftHsm(inMemory: true);
        _token.MakeKey("key", "01");
        _faults = new FaultyModule(inMemory: true);
        _folder = new TemporaryFolder(inMemory: true);
        _time = new SkippingTime(slowness: 3);
        using (var first = Start())
        {
            first.Create("device-id");
            first.Create("rsa", "rsa-2048");
            first.CreateSecret("master");
            _deviceKey = first.Find("device-id");
            _mac = first.Mac("master");
        }

        _objects = _token.ListObjects();
    }

    [OneTimeTearDown]
    public void Remove()
    {
        _folder.Dispose();
        _faults.Dispose();
        _token.Dispose();
    }

    [SetUp]
    public void Open() => _service = Start();

    [TearDown]
    public void Close()
    {
        _faults.ClearOrders();
        _service.Dispose();
    }

    /// <summary>All values where a function comes first, and after that those that tell something.</summary>
    [TestCaseSource(nameof(Functions))]
    public void Whatever_a_function_returns_costs_its_request_at_most(Moment when, object asked, string function, bool all)
    {
        var values = all ? Values : Telling;
        var request = (Request)asked;
        using var scope = Assert.EnterMultipleScope();
        var watch = Stopwatch.StartNew();
        var failed = 0;
        if (when != Moment.AtTheStart) AssertWorks(request, "before");
        foreach (var value in values)
        {
            var what = $"{function} returns {Pkcs11Problem.Name(value)} {when}, {request}";
            if (function == "C_Login" && TokenPin.IsRefusal(value)) RefusePin(request, when, value, what);
            else failed += Fail(request, when, function, value, what) ? 1 : 0;
        }

        _service.Settle();
        Assert.That(_service.Find("device-id"), Is.EqualTo(_deviceKey));
        Assert.That(_service.Mac("master"), Is.EqualTo(_mac));
        Assert.That(_token.ListObjects(), Is.EqualTo(_objects), "nothing is left behind, and nothing is missing");
        TestContext.Out.WriteLine($"{values.Length} values, {failed} of them an error of the request, {watch.ElapsedMilliseconds} ms");
    }

    // For ever, and then no more; and once, which a loss must not be felt by.
    private bool Fail(Request request, Moment when, string function, CKR value, string what)
    {
        Begin(when, function, value, Always);
        var problem = Ask(request, what);
        Assert.That(Always - _faults.Left, Is.InRange(1, MostCalls), $"{what}: calls of it");
        if (problem is not null) Judge(problem, value, what);
        _faults.ClearOrders();
        _time.Skip(Quiet);
        AssertWorks(request, $"{what}, which has passed");
        if (when == Moment.AtTheStart || !Pkcs11Problem.IsLoss(value)) return problem is not null;

        Begin(when, function, value, 1);
        AssertWorks(request, $"{what} once");
        _faults.ClearOrders();
        return problem is not null;
    }

    private void RefusePin(Request request, Moment when, CKR value, string what)
    {
        var before = _faults.Logins;
        Begin(when, "C_Login", value, Always);
        var logins = _faults.Logins;
        Assert.That(Ask(request, what)?.Code, Is.EqualTo("pin_incorrect").Or.EqualTo("pin_locked"), what);
        _faults.ClearOrders();
        for (var i = 0; i < 3; i++)
        {
            _time.Skip(Quiet);
            Assert.That(Ask(request, what)?.Code, Is.EqualTo("pin_refused_before"), what);
        }

        Assert.That(_faults.Logins - logins, Is.EqualTo(1), $"{what}: tries of the PIN, {before}");
        _service.Dispose();
        File.Delete(Path.Combine(_folder.Path, "pins"));
        _service = Start();
        AssertWorks(request, $"{what}, which the operator has put right");
    }

    private void Begin(Moment when, string function, CKR value, int count)
    {
        if (when == Moment.AtTheStart)
        {
            _service.Dispose();
            _service = Start();
        }

        var fault = (function, "return", (ulong)value, count);
        if (when == Moment.AfterALoss) _faults.Order(("C_SignInit", "return", (ulong)CKR.CKR_DEVICE_REMOVED, 1), fault);
        else _faults.Order(fault);
    }

    private ProblemException? Ask(Request request, string what)
    {
        var begun = _time.GetTimestamp();
        try
        {
            request.Ask(_service);
            return null;
        }
        catch (ProblemException problem)
        {
            return problem;
        }
        catch (Exception mistake) when (mistake is not ResultStateException)
        {
            Assert.Fail($"{what}: {mistake}");
            throw;
        }
        finally
        {
            Assert.That(_time.GetElapsedTime(begun), Is.LessThan(request.Deadline), what);
        }
    }

    private static void Judge(ProblemException problem, CKR value, string what)
    {
        using var all = Assert.EnterMultipleScope();
        Assert.That(ErrorTable.Codes, Does.Contain(problem.Code), what);
        Assert.That(problem.Code, Is.Not.EqualTo("internal").And.Not.EqualTo("key_not_found"), what);
        Assert.That(problem.Status, Is.EqualTo(503).Or.EqualTo(400), what);
        // Some modules say CKR_GENERAL_ERROR of a ciphertext that was changed, which is told where the session lives.
        if (Pkcs11Problem.IsLoss(value) && problem.Code != "ciphertext_invalid") Assert.That(problem.Status, Is.EqualTo(503), $"{what}: {problem.Code}");
        Assert.That(problem.Message, Is.Not.Empty, what);
        Assert.That(problem.Hint, Is.Not.Empty, $"{what}: {problem.Code}");
    }

    private void AssertWorks(Request request, string what)
    {
        Assert.That(Ask(request, what)?.ToLogText(), Is.Null, what);
        request.Undo?.Invoke(_service);
    }

    private ServiceUnderTest Start() => new(_folder.Path, _token.TokenUri,
        "pkcs11:token=edge;object=key;slot-manufacturer=SoftHSM%20project;library-manufacturer=SoftHSM?pin-value=1234", _time);
}
