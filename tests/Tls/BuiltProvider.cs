using System.Reflection;

namespace EstProv.Tls.Tests;

internal static class BuiltProvider
{
    /// <summary>Of the <c>estprov.so</c> that was built with these tests.</summary>
    public static readonly string Path = typeof(BuiltProvider).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "ProviderModule").Value!;
}
