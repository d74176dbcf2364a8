using System.Runtime.InteropServices;

namespace EdgeSdk.Modeling;

/// <summary>A second name for a file, so that weights of many gigabytes lie on disk once.</summary>
internal static partial class HardLink
{
    /// <summary>Links <paramref name="path"/> to <paramref name="existing"/>, or copies it where the file systems differ or cannot link.</summary>
    public static void CreateOrCopy(string existing, string path)
    {
        // A link to a symbolic link would be another symbolic link, relative to the wrong folder.
        existing = new FileInfo(existing).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? existing;
        bool isLinked = OperatingSystem.IsWindows() ? CreateHardLink(path, existing, 0) : Link(existing, path) == 0;
        if (!isLinked)
            File.Copy(existing, path);
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string path);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string path, string existing, nint attributes);
}
