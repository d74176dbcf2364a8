using Google.Protobuf;

namespace EdgeSdk.Onnx;

/// <summary>Reading and writing of model.onnx.</summary>
internal static class OnnxFile
{
    /// <summary>Reads a model; tensors in external files stay there.</summary>
    /// <exception cref="EdgeException">The file is missing, truncated or no ONNX model.</exception>
    public static ModelProto Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var model = ModelProto.Parser.ParseFrom(file);
            if (model.Graph is { Node.Count: > 0 })
                return model;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Damaged(path, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be read: {e.Message} Download or convert the model again.", e);
        }

        throw Damaged(path, "It has no graph.", null);
    }

    /// <summary>Writes a model beside <paramref name="path"/> and renames, so that a reader sees the old file or the new one.</summary>
    public static void Write(ModelProto model, string path)
    {
        string partial = path + ".partial";
        try
        {
            using (var file = File.Create(partial))
            {
                model.WriteTo(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static EdgeException Damaged(string path, string why, Exception? inner) =>
        new(EdgeErrorCode.InvalidModel, $"{path} is no ONNX model, or a damaged one: {why} Download or convert the model again.", inner);
}
