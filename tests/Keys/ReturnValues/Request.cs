namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>Something that the service is asked while a function of the module fails.</summary>
/// <param name="Ask">Fails by a <see cref="Platform.ProblemException"/>, or has done what it says.</param>
/// <param name="Undo">After it, in a token that works, so that it can be asked again.</param>
internal sealed record Request(string Name, Action<ServiceUnderTest> Ask, Action<ServiceUnderTest>? Undo = null)
{
    private static readonly byte[] s_value = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];

    public static readonly Request Sign = new("sign", static service => service.Sign("device-id"));

    public static readonly Request SignPreloaded = new("sign with the preloaded key", static service => service.Sign("bootstrap"));

    public static readonly Request Find = new("find", static service => service.Find("device-id"));

    public static readonly Request Create = Generating("create", static service => service.Create("fresh"), static service => service.Delete("fresh"));

    public static readonly Request Stage = Generating("stage", static service => service.Stage("device-id"), static service => service.Discard("device-id"));

    // Destroying what is no longer in use may fail without failing the request: it is done later.
    public static readonly Request Delete = Generating("create and delete", static service =>
    {
        service.Create("passing");
        service.Delete("passing");
    });

    public static readonly Request CreateSecret = Generating("create a symmetric key", static service => service.CreateSecret("fresh-secret"),
        static service => service.DeleteSecret("fresh-secret"));

    public static readonly Request ImportSecret = Generating("import a symmetric key", static service => service.CreateSecret("imported", s_value),
        static service => service.DeleteSecret("imported"));

    public static readonly Request Mac = new("MAC", static service => service.Mac("master"));

    public static readonly Request Encrypt = new("encrypt and decrypt", static service => service.Decrypt("master", service.Encrypt("master")));

    public static readonly Request DecryptOaep = new("decrypt with RSA", static service => service.DecryptOaep("rsa"));

    /// <summary>Of the route that asks for it.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(5);

    public override string ToString() => Name;

    private static Request Generating(string name, Action<ServiceUnderTest> ask, Action<ServiceUnderTest>? undo = null) =>
        new(name, ask, undo) { Deadline = TimeSpan.FromMinutes(1) };
}
