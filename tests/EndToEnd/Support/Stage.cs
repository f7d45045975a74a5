namespace EstProv.EndToEnd.Tests.Support;

/// <summary>The published files under test, laid out as on a device (<c>./build.sh test</c> makes them and names the folder).</summary>
internal static class Stage
{
    private static readonly string s_root = Environment.GetEnvironmentVariable("ESTPROV_STAGE")
        ?? throw new InvalidOperationException("ESTPROV_STAGE is not set: run these tests by ./build.sh test EndToEnd");

    /// <summary>What stands in the place of the device's root.</summary>
    public static string Root => s_root;

    public static string Command => Path.Combine(s_root, "usr/bin/estprov");

    public static string ProviderFolder => Path.Combine(s_root, "usr/lib/ossl-modules");

    /// <summary>What is preloaded where a daemon's wall clock is to be wrong (tools/crash/clock.c).</summary>
    public static string Clock => Environment.GetEnvironmentVariable("ESTPROV_CLOCK")
        ?? throw new InvalidOperationException("ESTPROV_CLOCK is not set: run these tests by ./build.sh test EndToEnd");

    public static string Daemon(string name) => Path.Combine(s_root, "usr/libexec/estprov/estprov-" + name);
}
