namespace EstProv.Contract.Tests.Stores;

/// <summary>Every key store there is. A further token is added by one line here and its class.</summary>
public static class StoreRegistry
{
    private static readonly (string Name, Func<StoreUnderTest> Make)[] Stores =
    [
        ("files", static () => new FileStoreUnderTest()),
        ("SoftHSM2", static () => new SoftHsmUnderTest()),
        ("TPM 2.0", static () => new TpmUnderTest()),
    ];

    /// <summary>As the columns of the table in the README.</summary>
    public static IEnumerable<string> Names => Stores.Select(static store => store.Name);

    public static StoreUnderTest Make(string name) => Stores.Single(store => store.Name == name).Make();
}
